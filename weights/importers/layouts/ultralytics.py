"""Checkpoints of ultralytics' ghost modules: GhostConv, GhostBottleneck, C3Ghost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weights.arithmetic import same_padding
from weights.checks import integer
from weights.errors import ImportRefused
from weights.importers.checkpoints import Checkpoint
from weights.importers.layouts.shapes import Shapes, read_shapes
from weights.importers.layouts.timm import fixed_differences
from weights.importers.rules import Arguments, Importer, Plan
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.forms import TRAINING
from weights.modules.ghost_conv import GhostConvConfig
from weights.modules.yolo import (
    CHEAP_KERNEL,
    EPS,
    MOMENTUM,
    C3GhostConfig,
    ghost_bottleneck_arguments,
    ghost_conv_arguments,
)
from weights.networks.architectures import Config

ARCHITECTURES = ("ghost_conv", "ghost_bottleneck", "c3_ghost")
# The place of a tensor inside a module, ours and theirs; of a GhostConv, and around it.
OURS_TO_THEIRS = (
    (r"^(cv[123])\.0\.", r"\1.conv."),
    (r"^(cv[123])\.1\.", r"\1.bn."),
    (r"\bghost1\.", "conv.0."),
    (r"\bghost2\.", "conv.2."),
    (r"\bconv_dw\.", "conv.1.conv."),
    (r"\bbn_dw\.", "conv.1.bn."),
    (r"\bshortcut\.3\.", "shortcut.1.bn."),
    (r"\bshortcut\.2\.", "shortcut.1.conv."),
    (r"\bshortcut\.1\.(?=weight|bias|running)", "shortcut.0.bn."),
    (r"\bshortcut\.0\.(?=weight)", "shortcut.0.conv."),
    (r"\bprimary_conv\.0\.", "cv1.conv."),
    (r"\bprimary_conv\.1\.", "cv1.bn."),
    (r"\bcheap_conv\.0\.", "cv2.conv."),
    (r"\bcheap_conv\.1\.", "cv2.bn."),
)
# What a bottleneck without these tensors has, and what has no effect on one.
PLAIN: Arguments = {
    "se_ratio": 0,
    "se_rounding": "divisible",
    "attention": False,
    "branches": 0,
    "primary_skip": True,
    "form": TRAINING,
}
Read = tuple[Arguments, Arguments]
FIXED = {
    "dw_kernel_size": CHEAP_KERNEL,
    "ratio": 2,
    "split": "floor",
    "bn_eps": EPS,
    "bn_momentum": MOMENTUM,
}


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The module that names and shapes tell."""
    refuse_fused(checkpoint)
    names = checkpoint.tensors
    found = {
        "ghost_conv": "cv1.conv.weight" in names and "cv3.conv.weight" not in names,
        "ghost_bottleneck": "conv.0.cv1.conv.weight" in names,
        "c3_ghost": "cv3.conv.weight" in names,
    }
    fitting = [name for name, fits in found.items() if fits and architecture in (None, name)]
    if len(fitting) != 1:
        got = ", ".join(fitting) or "none of their first tensors"
        raise ImportRefused(
            f"{checkpoint.path} must hold one of ultralytics' GhostConv, GhostBottleneck or "
            f"C3Ghost by itself, got {got}: save the state dict of that module alone"
        )
    shapes = read_shapes(checkpoint)
    return Plan(fitting[0], *READERS[fitting[0]](shapes, given))


def refuse_fused(checkpoint: Checkpoint) -> None:
    """Raise `ImportRefused` where batch normalisation was merged into the convolutions."""
    fused = [name for name in checkpoint.tensors if name.endswith("conv.bias")]
    if fused:
        raise ImportRefused(
            f"{checkpoint.path} is fused: batch normalisation is merged into {fused[0]!r} and "
            f"{len(fused) - 1} others, and cannot be taken out again; save it before model.fuse()"
        )


def foreign_name(name: str) -> str:
    """ultralytics' name of a tensor.

    >>> foreign_name("m.0.ghost1.cheap_conv.1.weight"), foreign_name("shortcut.1.bias")
    ('m.0.conv.0.cv2.bn.weight', 'shortcut.0.bn.bias')
    """
    for ours, theirs in OURS_TO_THEIRS:
        name = re.sub(ours, theirs, name)
    return name


def differences(config: Config) -> Iterator[str]:
    """Every way in which no class of ultralytics computes what `config` says."""
    if isinstance(config, C3GhostConfig):
        yield from fixed_differences(config, {"bn_eps": EPS, "bn_momentum": MOMENTUM})
    if isinstance(config, GhostConvConfig):
        padding = tuple(same_padding(size) for size in config.kernel_size)
        yield from fixed_differences(config, FIXED | {"padding": padding, "dilation": (1, 1)})
    if isinstance(config, GhostBottleneckConfig):
        own = {"c_mid": config.c_out // 2, "se_ratio": 0, "attention": False, "branches": 0}
        yield from fixed_differences(config, FIXED | own | {"activation": "silu"})


def _read_ghost_conv(shapes: Shapes, given: Arguments) -> Read:
    channels, inputs, *kernel_size = shapes.kernel("cv1.conv.weight")
    groups = integer("groups", given.get("groups", 1), minimum=1)
    arguments = ghost_conv_arguments(inputs * groups, 2 * channels, tuple(kernel_size))
    return _divided(arguments, ("c_in", "c_out", "kernel_size", "dw_kernel_size", "split"))


def _read_bottleneck(shapes: Shapes, given: Arguments) -> Read:
    del given
    c_in = shapes.kernel("conv.0.cv1.conv.weight")[1]
    c_out = 2 * shapes.kernel("conv.2.cv1.conv.weight")[0]
    strided = "conv.1.conv.weight" in shapes
    told: tuple[str, ...] = ("c_in", "c_mid", "c_out", "dw_kernel_size", "split")
    if not strided:
        read, usual = _divided(ghost_bottleneck_arguments(c_in, c_out), (*told, "stride"))
        without_effect = {"kernel_size": 3, "shortcut_kernel_size": 0}
        return read | PLAIN | without_effect | {"shortcut_activation": "identity"}, usual
    kernel_size = shapes.kernel("conv.1.conv.weight")[2]
    arguments = ghost_bottleneck_arguments(c_in, c_out, kernel_size, 2)
    read, usual = _divided(arguments, (*told, "kernel_size"))
    return read | PLAIN | {"shortcut_kernel_size": kernel_size}, usual


def _read_c3(shapes: Shapes, given: Arguments) -> Read:
    del given
    hidden, c1, *_ = shapes.kernel("cv1.conv.weight")
    c2 = shapes.kernel("cv3.conv.weight")[0]
    arguments = {"c1": c1, "c2": c2, "n": shapes.count("m."), "e": hidden / c2, "hidden": hidden}
    return arguments, {}


def _divided(arguments: Arguments, told: tuple[str, ...]) -> Read:
    """The arguments that shapes tell, and those that no tensor tells."""
    read = {name: arguments[name] for name in told} | {"ratio": 2}
    return read, {name: value for name, value in arguments.items() if name not in told}


READERS = {
    "ghost_conv": _read_ghost_conv,
    "ghost_bottleneck": _read_bottleneck,
    "c3_ghost": _read_c3,
}

ULTRALYTICS = Importer("ultralytics", ARCHITECTURES, plan, foreign_name, differences)
