"""Other ways of running the package, each as an implementation of its own.

`ghost-conformance run --implementation ghost_torch.modes:compiled`, and likewise the others.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ghost_torch.adapter import Adapter, strict_arithmetic, versions
from ghost_torch.exporting.export import EXPORTER
from ghost_torch.replicas import sharded
from weights.columns.adapter import PRECISIONS, PreparedAdapter, Run, widened
from weights.deployment.mode import mode

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
    "fully_sharded",
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
    built = Adapter.build(architecture, config, weights)
    built.module.compile()
    return built


def cuda(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """On an NVIDIA GPU, training steps too."""
    built = Adapter.build(architecture, config, weights)
    built.module.to("cuda")
    return built


def cuda_compiled(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """On an NVIDIA GPU under torch.compile, whose compiler writes Triton; training steps too."""
    built = cuda(architecture, config, weights)
    built.module.compile()
    return built


def fully_sharded(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """With replicas under FSDP2, `fully_shard`, where those of `ghost_torch` are under DDP."""
    return Adapter.build(architecture, config, weights, engine=sharded)


def channels_last(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """With module and input in PyTorch's channels-last memory format, training steps too."""
    built = ChannelsLast.build(architecture, config, weights)
    built.module.to(memory_format=torch.channels_last)
    return built


def float64(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Parameters and arithmetic in float64."""
    return Mode.build(architecture, config, widened(weights), prepare=lambda module, _: module)


exported = mode(EXPORTER, Adapter, "pt2")
onnx = mode(EXPORTER, Adapter, "onnx")


@Mode.prepared
def one_by_one(module: Any, _: Tensor) -> Run:
    """One image at a time."""
    return lambda x: torch.cat([module(each) for each in x.split(1)])


@Mode.prepared
def bfloat16(module: Any, _: Tensor) -> Run:
    """Under torch.autocast to bfloat16; parameters stay as they are."""
    return _autocast(module, torch.bfloat16)


@Mode.prepared
def float16(module: Any, _: Tensor) -> Run:
    """Under torch.autocast to float16; parameters stay as they are."""
    return _autocast(module, torch.float16)


def _autocast(module: Any, dtype: torch.dtype) -> Run:
    def run(x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=dtype):
            return module(x).float()

    return run
