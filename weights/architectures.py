"""The architectures that an interchange file can describe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from weights.attention import SqueezeExciteConfig
from weights.bottleneck import GhostBottleneckConfig
from weights.convolutions import Operation, Sizes
from weights.errors import ArgumentError
from weights.ghost_conv import GhostConvConfig
from weights.ghost_conv_v2 import GhostConvV2Config
from weights.ghost_conv_v3 import GhostConvV3Config
from weights.ghostnet import GhostNetConfig
from weights.resnet import GhostResNetConfig
from weights.tensors import TensorSpec
from weights.vgg import GhostVGGConfig
from weights.yolo import C3GhostConfig


class Config(Protocol):
    """What the configuration of every architecture offers."""

    @property
    def input_channels(self) -> int: ...

    def to_dict(self) -> dict[str, Any]: ...

    def tensors(self) -> Iterator[TensorSpec]: ...

    def operations(self, sizes: Sizes) -> Iterator[Operation]: ...

    def macs(self, height: int, width: int) -> int: ...

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, ...]: ...

    def check_input(self, shape: Any, dtype: str, *, training: bool = False) -> None: ...


ARCHITECTURES: Mapping[str, Callable[..., Config]] = {
    "ghost_conv": GhostConvConfig,
    "ghost_conv_v2": GhostConvV2Config,
    "ghost_conv_v3": GhostConvV3Config,
    "squeeze_excite": SqueezeExciteConfig,
    "ghost_bottleneck": GhostBottleneckConfig,
    "c3_ghost": C3GhostConfig,
    "ghostnet": partial(GhostNetConfig, 1),
    "ghostnetv2": partial(GhostNetConfig, 2),
    "ghostnetv3": partial(GhostNetConfig, 3),
    "ghost_resnet20": partial(GhostResNetConfig, 20),
    "ghost_resnet56": partial(GhostResNetConfig, 56),
    "ghost_vgg16": GhostVGGConfig,
}


def configure(architecture: str, config: Mapping[str, Any]) -> Config:
    """The checked configuration of an architecture, from its plain dict.

    Raises `ArgumentError` for an unknown architecture or a configuration that breaks a rule.

    >>> configure("ghost_conv", {"c_in": 8, "c_out": 16}).to_dict()["ratio"]
    2
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ArgumentError(f"`architecture` must be one of {known}, got {architecture!r}")
    try:
        return ARCHITECTURES[architecture](**config)
    except TypeError as error:
        # Python's own words for a missing or unknown argument: "... got an unexpected keyword ..."
        reason = str(error).partition("__init__() ")[2] or str(error)
        raise ArgumentError(f"the configuration of {architecture} {reason}") from None
