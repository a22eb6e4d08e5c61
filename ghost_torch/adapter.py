"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ghost_torch import weights_io
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.layout import cast_floating


class Adapter:
    """One built module; inference unless a training step is asked for."""

    def __init__(self, module: Any, dtype: Any) -> None:
        self.module = module
        self.dtype = dtype

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W') or (N, classes)."""
        self.module.eval()
        return _to_numpy(_forward(self.module, self._input(x)))

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage of a network, or the output of a layer."""
        self.module.eval()
        if not hasattr(self.module, "stages"):
            return {"output": self(x)}
        stages = _stages(self.module, self._input(x))
        return {name: _to_numpy(value) for name, value in stages.items()}

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        """Output with batch statistics, gradients for a cotangent, statistics afterwards."""
        self.module.train()
        inputs = self._input(x).requires_grad_()
        output = self.module(inputs)
        specs = weights_io.specs_of(self.module)
        parameters = {
            spec.name: weights_io.variable_of(self.module, spec) for spec in specs if spec.trainable
        }
        cotangent = self._input(output_cotangent)
        grad_input, *grads = torch.autograd.grad(output, [inputs, *parameters.values()], cotangent)
        state = self.state()
        return {
            "output": _to_numpy(output),
            "grad_input": _to_numpy(grad_input),
            "grads": dict(zip(parameters, map(_to_numpy, grads), strict=True)),
            "state": {spec.name: state[spec.name] for spec in specs if not spec.trainable},
        }

    def state(self) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return weights_io.state(self.module)

    def save(self, path: PathLike) -> None:
        """Write the interchange file."""
        weights_io.save_weights(self.module, path)

    def load(self, path: PathLike) -> None:
        """Load an interchange file into the module."""
        weights_io.load_weights(self.module, path, allow_invalid=True)

    def _input(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(cast_floating(x, self.dtype))


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """The module of that architecture and configuration, with these weights and their dtype."""
    module = weights_io.build(architecture, config, weights)
    return Adapter(module, common_dtype(weights))


def versions() -> dict[str, str]:
    """The versions that a report records."""
    return {"torch": torch.__version__, "threads": str(torch.get_num_threads())}


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    return {"float32": "highest precision of matrix products, no TF32 in cuDNN"}


@torch.no_grad()
def _forward(module: Any, x: Tensor) -> Tensor:
    return module(x)


@torch.no_grad()
def _stages(module: Any, x: Tensor) -> dict[str, Tensor]:
    return module.stages(x)


def _to_numpy(x: Tensor) -> np.ndarray:
    return x.detach().numpy()
