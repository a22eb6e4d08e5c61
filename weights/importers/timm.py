"""Checkpoints with timm's names: its GhostNets and GhostModules, and networks made of those."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weights.architectures import ARCHITECTURES, Config
from weights.arithmetic import same_padding, split_channels
from weights.errors import ImportRefused
from weights.ghost_conv import GhostConvConfig
from weights.ghostnet import GhostNetConfig
from weights.importers.checkpoints import Checkpoint
from weights.importers.ghostnets import (
    Shapes,
    canonical_shapes,
    is_ghostnet,
    read_ghostnet,
    recognise_ghostnet,
)
from weights.importers.rules import Arguments, Importer, Plan, read_kernels, settle
from weights.preprocess import imagenet
from weights.storage import PathLike

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_operation.0.weight"
CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
# x = (image / divide_by - mean) / std, channel by channel.
CIFAR10_PREPROCESS = {
    "divide_by": 255.0,
    "mean": [0.4914, 0.4822, 0.4465],
    "std": [0.2023, 0.1994, 0.2010],
    "layout": "NHWC",
}
SHORT = "short_conv.0.weight"
FIRST_STAGE = re.compile(r"layer1\.\d+\.conv1\.primary_conv\.0\.weight")
# What no tensor of a GhostNet tells.
ASSUMED = {"dropout": 0.2, "shortcut_activation": "identity", "bn_eps": 1e-5, "bn_momentum": 0.1}
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
FIXED = {"dilation": (1, 1), "groups": 1, "bn_eps": 1e-5, "bn_momentum": 0.1}


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The module that names and shapes tell."""
    return plan_with_names(checkpoint, architecture, given, canonical_name)


def plan_with_names(
    checkpoint: Checkpoint,
    architecture: str | None,
    given: Arguments,
    canonical: Callable[[str], str],
) -> Plan:
    """The module that canonical names and shapes tell."""
    shapes = canonical_shapes(checkpoint, canonical)
    architecture = architecture or recognise(checkpoint.path, shapes)
    if architecture.startswith("ghostnet"):
        return plan_ghostnet(shapes, architecture, given, ASSUMED)
    if architecture.startswith("ghost_resnet"):
        return _plan_resnet(checkpoint, architecture, given)
    if architecture == "ghost_conv":
        return _plan_ghost_conv(checkpoint, given)
    return Plan(architecture, given, {})


def recognise(path: PathLike, shapes: Shapes) -> str:
    """The architecture that the names are of; raises `ImportRefused` where none or two fit."""
    blocks = len({name.split(".")[1] for name in shapes if FIRST_STAGE.match(name)})
    fitting = [
        architecture
        for architecture, fits in {
            "ghost_conv": "primary_conv.0.weight" in shapes and SHORT not in shapes,
            "ghost_conv_v2": "primary_conv.0.weight" in shapes and SHORT in shapes,
            "ghost_conv_v3": "primary_rpr_conv.0.conv.weight" in shapes,
            "ghost_bottleneck": any(name.startswith("ghost1.") for name in shapes),
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
        f"{path} must hold one of {', '.join(ARCHITECTURES)}, with timm's names, got {found}: name "
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


def plan_ghostnet(shapes: Shapes, architecture: str, given: Arguments, assumed: Arguments) -> Plan:
    """The GhostNet that canonical names and shapes tell."""
    read = read_ghostnet(shapes, architecture, assumed | given)
    config, left = settle(read, dict(assumed), given)
    if (config["num_classes"], config["in_chans"]) != (1000, 3):
        return Plan(architecture, config, left)
    return Plan(architecture, config, left | {"preprocess": "ImageNet"}, imagenet())


def differences(config: Config) -> Iterator[str]:
    """Every way in which no class of timm computes what `config` says."""
    if isinstance(config, GhostNetConfig):
        yield from fixed_differences(config, FIXED_NETWORK)
    if isinstance(config, GhostConvConfig):
        yield from _convolution_differences(config)


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


def _plan_ghost_conv(checkpoint: Checkpoint, given: Arguments) -> Plan:
    kernels = read_kernels(checkpoint, PRIMARY, CHEAP)
    channels = kernels.channels
    read = kernels.arguments(given.get("groups", 1))
    read |= {"ratio": channels.multiplier + 1, "split": "ceil"}
    assumed: Arguments = {
        "stride": 1,
        "padding": tuple(same_padding(size) for size in read["kernel_size"]),
        "activation": "relu",
    }
    # timm crops the output to c_out, which leaves no trace in the tensors.
    (assumed if channels.multiplier else read)["c_out"] = channels.c_int + channels.c_cheap
    config, assumed = settle(read, assumed, given)
    return Plan("ghost_conv", config, assumed)


def _plan_resnet(checkpoint: Checkpoint, architecture: str, given: Arguments) -> Plan:
    kernels = read_kernels(checkpoint, f"conv1.{PRIMARY}", f"conv1.{CHEAP}")
    arguments = kernels.arguments()
    read = {"in_chans": arguments["c_in"]}
    if "dw_kernel_size" in arguments:
        read["dw_kernel_size"] = arguments["dw_kernel_size"]
    if "linear.bias" in checkpoint.tensors:
        read["num_classes"] = checkpoint.tensors["linear.bias"].size
    config, _ = settle(read, {}, given)
    if (config.get("num_classes"), config["in_chans"]) != (10, 3):
        return Plan(architecture, config, {})
    assumed = {"preprocess": "CIFAR-10", "classes": "CIFAR-10"}
    return Plan(architecture, config, assumed, CIFAR10_PREPROCESS, CIFAR10)


TIMM = Importer("timm", tuple(ARCHITECTURES), plan, foreign_name, differences)
