"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ghost_torch.replicas import data_parallel
from ghost_torch.weights_io import FRAMEWORK
from weights.columns.adapter import ModuleAdapter
from weights.layout import cast_floating
from weights.tensors import TensorSpec


class Adapter(ModuleAdapter):
    """One built module; inference unless a training step is asked for."""

    framework = FRAMEWORK

    def _input(self, x: np.ndarray) -> Tensor:
        device = next(self.module.parameters()).device
        return torch.from_numpy(cast_floating(x, self.dtype)).to(device)

    def _to_numpy(self, x: Tensor) -> np.ndarray:
        return np.ascontiguousarray(x.detach().cpu().numpy())

    @torch.no_grad()
    def _forward(self, x: Tensor) -> Tensor:
        self.module.eval()
        return self.module(x)

    @torch.no_grad()
    def _stages(self, x: Tensor) -> dict[str, Tensor]:
        self.module.eval()
        return self.module.stages(x)

    def _differentiate(
        self, x: Tensor, cotangent: Tensor, specs: Sequence[TensorSpec]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        self.module.train()
        output = self.module(x.requires_grad_())
        sources = self.framework.variables_of(self.module, specs).values()
        grad_input, *grads = torch.autograd.grad(output, [x, *sources], cotangent)
        return output, grad_input, grads


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """One built module, which trains on replicas too."""
    return Adapter.build(architecture, config, weights, engine=data_parallel)


def versions() -> dict[str, str]:
    """The versions that a report records."""
    found = {"torch": torch.__version__, "threads": str(torch.get_num_threads())}
    return found | ({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {})


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    return {"float32": "highest precision of matrix products, no TF32 in cuDNN"}
