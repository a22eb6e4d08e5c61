"""The export of modules: what writes each format, and what an artefact is held against."""

from typing import Any

import numpy as np
from keras import ops

from ghost_tf.exporting.interface import FIRST, LAST
from ghost_tf.exporting.litert import write_litert
from ghost_tf.exporting.onnx import write_onnx
from ghost_tf.exporting.saved_model import write_saved_model
from ghost_tf.weights_io import FRAMEWORK
from weights.deployment.copies import copy_in
from weights.deployment.export import Exporter
from weights.deployment.proof import Network

WRITERS = {"onnx": write_onnx, "saved-model": write_saved_model, "litert": write_litert}


class KerasExporter(Exporter):
    """How Keras' modules become artefacts."""

    framework = FRAMEWORK
    writers = WRITERS
    layout = "nhwc"

    def network(self, module: Any, dtype: str) -> Network:
        """A copy of a module for inference with parameters and arithmetic of that type."""
        made = copy_in(self.framework, module, dtype)

        def run(x: np.ndarray) -> np.ndarray:
            given = ops.convert_to_tensor(np.ascontiguousarray(x.transpose(LAST)), dtype)
            out = ops.convert_to_numpy(ops.cast(made(given, training=False), "float64"))
            return out.transpose(FIRST) if out.ndim == 4 else out

        return run


EXPORTER = KerasExporter("tf")
