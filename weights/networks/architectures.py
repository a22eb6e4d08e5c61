"""The architectures that an interchange file can describe."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache, partial
from inspect import Parameter, signature
from typing import Any

from weights.errors import ArgumentError
from weights.modules.attention import SqueezeExciteConfig
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.configuration import Configuration
from weights.modules.ghost_conv import GhostConvConfig, GhostConvV2Config
from weights.modules.ghost_conv_v3 import GhostConvV3Config
from weights.modules.ordinary.kinds import kinds
from weights.modules.rep_ghost import RepGhostBottleneckConfig, RepGhostConvConfig
from weights.modules.yolo import C3GhostConfig
from weights.networks.custom import CUSTOM, CustomConfig
from weights.networks.ghostnet import GhostNetConfig
from weights.networks.repghostnet import RepGhostNetConfig
from weights.networks.resnet import GhostResNetConfig
from weights.networks.vgg import GhostVGGConfig
from weights.text import brief

# The public name of the base of every architecture's configuration.
Config = Configuration

ARCHITECTURES: Mapping[str, Callable[..., Config]] = {
    "ghost_conv": GhostConvConfig,
    "ghost_conv_v2": GhostConvV2Config,
    "ghost_conv_v3": GhostConvV3Config,
    "squeeze_excite": SqueezeExciteConfig,
    "ghost_bottleneck": GhostBottleneckConfig,
    "rep_ghost_conv": RepGhostConvConfig,
    "rep_ghost_bottleneck": RepGhostBottleneckConfig,
    "c3_ghost": C3GhostConfig,
    "ghostnet": partial(GhostNetConfig, 1),
    "ghostnetv2": partial(GhostNetConfig, 2),
    "ghostnetv3": partial(GhostNetConfig, 3),
    "repghostnet": RepGhostNetConfig,
    "ghost_resnet20": partial(GhostResNetConfig, 20),
    "ghost_resnet56": partial(GhostResNetConfig, 56),
    "ghost_vgg16": GhostVGGConfig,
}

# Characters of an unknown argument that are compared with the names of the known ones.
LONGEST_NAME = 64


def configure(architecture: str, config: Mapping[str, Any]) -> Config:
    """The checked configuration of an architecture, from its plain dict.

    Raises `ArgumentError` for an unknown architecture or a configuration that breaks a rule.

    >>> configure("ghost_conv", {"c_in": 8, "c_out": 16}).to_dict()["ratio"]
    2
    """
    if architecture == CUSTOM:
        return _checked(CUSTOM, partial(CustomConfig, configure_part), config)
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ArgumentError(f"`architecture` must be one of {known}, got {brief(architecture)}")
    return _checked(architecture, ARCHITECTURES[architecture], config)


def configure_part(kind: str, config: Mapping[str, Any]) -> Config:
    """The checked configuration of a module of a user's network: an architecture or a layer.

    Raises `ArgumentError` for an unknown kind or a configuration that breaks a rule.
    """
    known: Mapping[str, Callable[..., Config]] = {**ARCHITECTURES, **kinds()}
    if kind not in known:
        raise ArgumentError(
            f"`kind` must be one of {', '.join(known)}, got {brief(kind)}: make it known with "
            "weights.register"
        )
    return _checked(kind, known[kind], config)


def _checked(architecture: str, make: Callable[..., Config], config: Any) -> Config:
    if not isinstance(config, Mapping):
        raise ArgumentError(f"`config` must map arguments to values, got {brief(config)}")
    _check_names(architecture, make, config)
    return make(**config)


def _check_names(architecture: str, make: Callable[..., Config], config: Mapping[Any, Any]) -> None:
    """Raise `ArgumentError` for an argument that the architecture has not, or must be given."""
    known = _parameters(make)
    what = f"the configuration of {architecture}"
    for name in config:
        if name not in known:
            hint = _nearest(name, list(known))
            raise ArgumentError(f"{what} got an unexpected keyword argument {brief(name)}: {hint}")
    missing = [
        name for name, each in known.items() if each.default is each.empty and name not in config
    ]
    if missing:
        names = " and ".join(f"`{name}`" for name in missing)
        raise ArgumentError(f"{what} missing {len(missing)} required: give {names}")


@lru_cache(maxsize=128)
def _parameters(make: Callable[..., Config]) -> Mapping[str, Parameter]:
    return signature(make).parameters


def _nearest(name: Any, known: list[str]) -> str:
    close = get_close_matches(str(name)[:LONGEST_NAME], known, n=1) if isinstance(name, str) else ()
    return f"is `{close[0]}` meant?" if close else f"it has {', '.join(known)}"
