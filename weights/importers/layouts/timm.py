"""Checkpoints with timm's names: its GhostNets and GhostModules, and networks made of those."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weights.arithmetic import same_padding, split_channels
from weights.errors import ImportRefused
from weights.files.settings import imagenet
from weights.importers.checkpoints import Checkpoint
from weights.importers.layouts.cifar import plan_resnet, plan_vgg
from weights.importers.layouts.ghostnets import is_ghostnet, read_ghostnet, recognise_ghostnet
from weights.importers.layouts.layers import (
    read_bottleneck,
    read_ghost_conv,
    read_ghost_conv_v2,
    read_ghost_conv_v3,
    read_squeeze_excite,
)
from weights.importers.layouts.shapes import Shapes, read_shapes
from weights.importers.rules import Arguments, Importer, Plan
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.ghost_conv import GhostConvConfig
from weights.modules.ghost_conv_v3 import GhostConvV3Config
from weights.networks.architectures import ARCHITECTURES, Config
from weights.networks.ghostnet import GhostNetConfig

SHORT = "short_conv.0.weight"
FIRST_STAGE = re.compile(r"layer1\.\d+\.conv1\.primary_conv\.0\.weight")
FIXED_NETWORK = {
    "ratio": 2,
    "dw_kernel_size": 3,
    "split": "ceil",
    "head": "bias",
    "se_rounding": "divisible",
    "shortcut_kernel_size": 0,
    "shortcut_activation": "identity",
    "bn_eps": 1e-5,
    "bn_momentum": 0.1,
}
FIXED_BLOCK = {
    "ratio": 2,
    "dw_kernel_size": 3,
    "split": "ceil",
    "activation": "relu",
    "bn_eps": 1e-5,
    "bn_momentum": 0.1,
}
FIXED_BRANCHES = {"branches": 3, "split": "ceil", "bn_eps": 1e-5, "bn_momentum": 0.1}
FIXED = {"dilation": (1, 1), "groups": 1, "bias": False, "bn_eps": 1e-5, "bn_momentum": 0.1}


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The module that names and shapes tell."""
    return plan_shapes(read_shapes(checkpoint, canonical_name, foreign_name), architecture, given)


def plan_shapes(shapes: Shapes, architecture: str | None, given: Arguments) -> Plan:
    """The module that canonical names and shapes tell."""
    architecture = architecture or recognise(shapes)
    if architecture.startswith("ghostnet"):
        return plan_ghostnet(shapes, architecture, given, {})
    if architecture.startswith("ghost_resnet"):
        return plan_resnet(shapes, architecture, given)
    if architecture == "ghost_vgg16":
        return plan_vgg(shapes, architecture, given)
    return Plan(architecture, *LAYERS[architecture](shapes, given))


def recognise(shapes: Shapes) -> str:
    """The architecture that the names are of; raises `ImportRefused` where none or two fit."""
    blocks = len({name.split(".")[1] for name in shapes.found if FIRST_STAGE.match(name)})
    module, is_v2 = "primary_conv.0.weight" in shapes, SHORT in shapes
    is_v3 = "primary_rpr_conv.0.conv.weight" in shapes
    is_deployed = "primary_conv.0.bias" in shapes and "primary_conv.1.weight" not in shapes
    fitting = [
        architecture
        for architecture, fits in {
            "ghost_conv": module and not is_v2 and not is_deployed,
            "ghost_conv_v2": module and is_v2 and not is_deployed,
            "ghost_conv_v3": is_v3 or (module and is_deployed),
            "squeeze_excite": "conv_reduce.weight" in shapes,
            "ghost_bottleneck": any(name.startswith("ghost1.") for name in shapes.found),
            "ghost_vgg16": "features.0.0.primary_conv.0.weight" in shapes,
            f"ghost_resnet{6 * blocks + 2}": blocks > 0,
            recognise_ghostnet(shapes): is_ghostnet(shapes),
        }.items()
        if fits
    ]
    if len(fitting) == 1 and fitting[0] in ARCHITECTURES:
        return fitting[0]
    found = ", ".join(fitting) or "none of their first tensors"
    raise ImportRefused(
        f"{shapes.path} must hold one of {', '.join(KNOWN)}, with timm's names, got {found}: name "
        "it with --architecture if it is one of them"
    )


def foreign_name(name: str) -> str:
    """timm's name of a tensor.

    >>> foreign_name("layer1.0.conv1.cheap_conv.0.weight")
    'layer1.0.conv1.cheap_operation.0.weight'
    """
    return name.replace("cheap_conv.", "cheap_operation.")


def canonical_name(name: str) -> str:
    """The inverse of `foreign_name`."""
    return name.replace("cheap_operation.", "cheap_conv.")


def plan_ghostnet(shapes: Shapes, architecture: str, given: Arguments, fixed: Arguments) -> Plan:
    """The GhostNet that canonical names and shapes tell; `fixed` is what the foreign class has."""
    told = read_ghostnet(shapes, architecture, fixed | given) | fixed
    settled = told | given
    if (settled["num_classes"], settled["in_chans"]) != (1000, 3):
        return Plan(architecture, told)
    return Plan(architecture, told, {}, imagenet(), guessed={"preprocess": "ImageNet"})


def differences(config: Config) -> Iterator[str]:
    """Every way in which no class of timm computes what `config` says."""
    if isinstance(config, GhostNetConfig):
        yield from fixed_differences(config, FIXED_NETWORK)
    if isinstance(config, GhostConvConfig):
        yield from _convolution_differences(config)
    if isinstance(config, GhostBottleneckConfig):
        yield from _bottleneck_differences(config)
    if isinstance(config, GhostConvV3Config):
        yield from _branches_differences(config)


def fixed_differences(config: Any, fixed: Mapping[str, Any]) -> Iterator[str]:
    """Every argument that differs from what a foreign class always computes with."""
    for name, value in fixed.items():
        if getattr(config, name) != value:
            yield f"its `{name}` is always {value!r}, the file has {getattr(config, name)!r}"


def _convolution_differences(config: GhostConvConfig) -> Iterator[str]:
    padding = tuple(same_padding(size) for size in config.kernel_size)
    yield from fixed_differences(config, FIXED | {"padding": padding})
    channels = config.channels
    if split_channels(config.c_out, channels.multiplier + 1, "ceil") != channels:
        yield f"it never divides {config.c_out} channels into {channels.c_int} + {channels.c_cheap}"


def _bottleneck_differences(config: GhostBottleneckConfig) -> Iterator[str]:
    fixed: Arguments = dict(FIXED_BLOCK)
    if config.squeeze_excite:
        fixed["se_rounding"] = "divisible"
    if config.shortcut:
        own = {"shortcut_kernel_size": config.kernel_size, "shortcut_activation": "identity"}
        fixed |= own
    yield from fixed_differences(config, fixed)
    for module in (config.ghost1, config.ghost2):
        if isinstance(module, GhostConvV3Config):
            yield from _branches_differences(module)


def _branches_differences(config: GhostConvV3Config) -> Iterator[str]:
    yield from fixed_differences(config, FIXED_BRANCHES)
    if config.halves[0].skip:
        yield "its primary half has no branch without a convolution, the file has one"


LAYERS: Mapping[str, Callable[[Shapes, Arguments], tuple[Arguments, Arguments]]] = {
    "ghost_conv": read_ghost_conv,
    "ghost_conv_v2": read_ghost_conv_v2,
    "ghost_conv_v3": read_ghost_conv_v3,
    "squeeze_excite": read_squeeze_excite,
    "ghost_bottleneck": read_bottleneck,
}
# timm has no module of the YOLO family, and nothing made of one.
KNOWN = tuple(name for name in ARCHITECTURES if name != "c3_ghost")
TIMM = Importer("timm", KNOWN, plan, foreign_name, differences)
