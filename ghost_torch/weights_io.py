"""Weights in and out: canonical names and layouts, strict, all or nothing."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ghost_torch.attention import SqueezeExcite
from ghost_torch.bottleneck import GhostBottleneck
from ghost_torch.facts import facts, inside
from ghost_torch.framework.computed import tensors_of, write
from ghost_torch.framework.kept import keep
from ghost_torch.framework.planned import Planned
from ghost_torch.ghost_conv import GhostConv, GhostConvV2
from ghost_torch.ghost_conv_v3 import GhostConvV3
from ghost_torch.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_torch.networks.repghostnet import RepGhostNet
from ghost_torch.networks.resnet import GhostResNet20, GhostResNet56
from ghost_torch.networks.vgg import GhostVGG16
from ghost_torch.ordinary.layers import layer_of
from ghost_torch.ordinary.network import parts
from ghost_torch.rep_ghost import RepGhostBottleneck, RepGhostConv
from ghost_torch.yolo import C3Ghost
from weights import ArgumentError
from weights.columns.backend import by_architecture
from weights.columns.column import Column
from weights.columns.places import Part
from weights.tensors import DTYPES, TensorSpec

ARCHITECTURES = by_architecture(
    GhostConv, GhostConvV2, GhostConvV3, SqueezeExcite, GhostBottleneck, RepGhostConv,
    RepGhostBottleneck, C3Ghost, GhostNet, GhostNetV2, GhostNetV3, RepGhostNet, GhostResNet20,
    GhostResNet56, GhostVGG16,
)  # fmt: skip
# NumPy has no bfloat16 that torch knows: its bits travel as integers.
BFLOAT16 = DTYPES["BF16"]


class Framework(Column[nn.Module, Planned, Tensor]):
    """Makes the framework's modules, reads and writes the tensors that they hold."""

    architectures = ARCHITECTURES
    facts = staticmethod(facts)
    assign = staticmethod(write)
    base = nn.Module
    layer_of = staticmethod(layer_of)

    def make(self, architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> Planned:
        return ARCHITECTURES[architecture](**config, dtype=getattr(torch, dtype.name))

    def make_like(self, module: Any, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        made = self.make(module.architecture, config, dtype)
        keep(module, made)
        return made

    def make_empty(self, architecture: str, config: Mapping[str, Any]) -> Planned:
        return ARCHITECTURES[architecture](**config, device="meta")

    def variables_of(self, module: nn.Module, specs: Iterable[TensorSpec]) -> dict[str, Tensor]:
        shapes = {spec.name: spec.shape for spec in specs}
        variables = tensors_of(module, shapes)
        for name, variable in variables.items():
            if variable.shape != shapes[name]:
                raise ArgumentError(
                    f"`module` must have '{name}' of shape {shapes[name]}, got "
                    f"{tuple(variable.shape)}: gather what is spread over processes, put back what "
                    "was changed by hand"
                )
            if variable.is_meta:
                raise ArgumentError(
                    "`module` must hold values, got tensors on the meta device, which have shapes "
                    "only: call module.to_empty(device='cpu') first, build it with from_file, or "
                    "take away the hooks that hold its values elsewhere"
                )
        return variables

    def dtype_of(self, variable: Tensor) -> np.dtype:
        return _dtype(variable.dtype)

    def to_canonical(self, variable: Tensor, spec: TensorSpec) -> np.ndarray:
        return self.array_of(variable)

    def to_native(self, array: np.ndarray, spec: TensorSpec, variable: Tensor) -> Tensor:
        return self.value_of(array, variable)

    def parts(self, network: nn.Module) -> Iterator[Part]:
        return parts(network, tuple(ARCHITECTURES.values()))

    def exchanged(self, network: nn.Module, made: Mapping[int, nn.Module]) -> nn.Module:
        return copy.deepcopy(network, dict(made))

    def unwrapped(self, module: Any) -> Any:
        return inside(module) if isinstance(module, nn.Module) else module

    def array_of(self, variable: Tensor) -> np.ndarray:
        whole = variable.full_tensor() if hasattr(variable, "full_tensor") else variable
        tensor = whole.detach().cpu().contiguous()
        if tensor.dtype == torch.bfloat16:
            return tensor.view(torch.uint16).numpy().view(BFLOAT16).copy()
        return tensor.numpy().copy()

    def value_of(self, array: np.ndarray, variable: Tensor) -> Tensor:
        if array.dtype == BFLOAT16:
            bits = torch.from_numpy(np.array(array.view(np.uint16), order="C"))
            return bits.view(torch.bfloat16).to(variable.device)
        # Copied only where PyTorch would complain: what is made of it is copied into the variable.
        whole = array if array.flags.carray else np.array(array, order="C")
        return torch.from_numpy(whole).to(variable.device)

    def prepare_inference(self, module: nn.Module) -> None:
        module.eval()
        # The order in which convolutions on a CPU and on tensor cores are fastest; values stay.
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@lru_cache(maxsize=64)
def _dtype(dtype: torch.dtype) -> np.dtype:
    """The type that NumPy has by that name."""
    return np.dtype(str(dtype).removeprefix("torch."))


FRAMEWORK = Framework()
build = FRAMEWORK.build
