"""Other ways of running the package, each as an implementation of its own.

`ghost-conformance run --implementation ghost_torch.modes:compiled`, and likewise the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ghost_torch import adapter
from ghost_torch.adapter import Adapter, strict_arithmetic, versions
from weights.columns.adapter import PRECISIONS, Prepare, PreparedAdapter

__all__ = [
    "PRECISIONS",
    "bfloat16",
    "channels_last",
    "compiled",
    "cuda",
    "cuda_compiled",
    "exported",
    "float16",
    "float64",
    "one_by_one",
    "onnx",
    "strict_arithmetic",
    "versions",
]


class Mode(PreparedAdapter, Adapter):
    """One built module that runs in another way; inference only."""

    @torch.no_grad()
    def _forward(self, x: Tensor) -> Tensor:
        self.module.eval()
        return super()._forward(x)


class ChannelsLast(Adapter):
    """One built module, whose inputs and cotangents are in the channels-last memory format."""

    def _input(self, x: np.ndarray) -> Tensor:
        given = super()._input(x)
        return given.contiguous(memory_format=torch.channels_last) if given.ndim == 4 else given


def compiled(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """Under torch.compile, with its default compiler, training steps too."""
    built = adapter.build(architecture, config, weights)
    built.module.compile()
    return built


def cuda(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """On an NVIDIA GPU, training steps too."""
    built = adapter.build(architecture, config, weights)
    return Adapter(built.module.to("cuda"), built.dtype)


def cuda_compiled(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """On an NVIDIA GPU under torch.compile, whose compiler writes Triton; training steps too."""
    built = cuda(architecture, config, weights)
    built.module.compile()
    return built


def exported(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Through torch.export."""
    return _build(
        lambda module, x: torch.export.export(module, (x,)).module(),
        architecture,
        config,
        weights,
    )


def onnx(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Exported to ONNX, run by onnxruntime on a CPU."""

    def prepare(module: Any, x: Tensor) -> Callable[[Tensor], Tensor]:
        from onnxruntime import InferenceSession

        program: Any = torch.onnx.export(
            module, (x,), input_names=["x"], output_names=["y"], dynamo=True, verbose=False
        )
        content = program.model_proto.SerializeToString()
        session = InferenceSession(content, providers=["CPUExecutionProvider"])
        return lambda x: torch.from_numpy(session.run(["y"], {"x": x.numpy()})[0])

    return _build(prepare, architecture, config, weights)


def channels_last(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """With module and input in PyTorch's channels-last memory format, training steps too."""
    built = adapter.build(architecture, config, weights)
    return ChannelsLast(built.module.to(memory_format=torch.channels_last), built.dtype)


def one_by_one(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """One image at a time."""
    return _build(
        lambda module, _: lambda x: torch.cat([module(each) for each in x.split(1)]),
        architecture,
        config,
        weights,
    )


def float64(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Parameters and arithmetic in float64."""
    wide = {name: array.astype(np.float64) for name, array in weights.items()}
    return _build(lambda module, _: module, architecture, config, wide)


def bfloat16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Under torch.autocast to bfloat16; parameters stay as they are."""
    return _build(_autocast(torch.bfloat16), architecture, config, weights)


def float16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Under torch.autocast to float16; parameters stay as they are."""
    return _build(_autocast(torch.float16), architecture, config, weights)


def _autocast(dtype: torch.dtype) -> Prepare:
    def prepare(module: Any, _: Tensor) -> Callable[[Tensor], Tensor]:
        def run(x: Tensor) -> Tensor:
            with torch.autocast("cpu", dtype=dtype):
                return module(x).float()

        return run

    return prepare


def _build(prepare: Prepare, *description: Any) -> Mode:
    built = adapter.build(*description)
    return Mode(built.module, built.dtype, prepare)
