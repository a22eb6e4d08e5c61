"""The export of modules: what writes each format, and what an artefact is held against."""

import copy
from typing import Any

import numpy as np
import torch

from ghost_torch.exporting.ncnn import write_ncnn
from ghost_torch.exporting.onnx import write_onnx
from ghost_torch.exporting.openvino import write_openvino
from ghost_torch.exporting.pt2 import write_aoti, write_executorch, write_pt2
from ghost_torch.weights_io import FRAMEWORK
from weights.deployment.export import Exporter
from weights.deployment.proof import Network

WRITERS = {
    "onnx": write_onnx,
    "pt2": write_pt2,
    "aoti": write_aoti,
    "executorch": write_executorch,
    "openvino": write_openvino,
    "ncnn": write_ncnn,
}


class TorchExporter(Exporter):
    """How PyTorch's modules become artefacts."""

    framework = FRAMEWORK
    writers = WRITERS

    def network(self, module: Any, dtype: str) -> Network:
        """A copy of a module for inference with parameters and arithmetic of that type."""
        kind = getattr(torch, dtype)
        made = copy.deepcopy(module).cpu().eval().to(kind)

        @torch.no_grad()
        def run(x: np.ndarray) -> np.ndarray:
            return made(torch.from_numpy(x).to(kind)).double().numpy()

        return run


EXPORTER = TorchExporter("torch")
