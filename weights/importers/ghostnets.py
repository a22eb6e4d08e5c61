"""Which GhostNet a state dict is of: version, width and the rest, read from names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weights.arithmetic import make_divisible
from weights.errors import ImportRefused
from weights.ghostnet import LAST_EXPANSION, STEM_CHANNELS, GhostNetConfig
from weights.importers.checkpoints import Checkpoint
from weights.importers.rules import Arguments

Shapes = Mapping[str, tuple[int, ...]]

FIRST = "blocks.0.0.ghost1"
# Under either of them the first ghost module has its primary kernel.
PLAIN, BRANCHED = f"{FIRST}.primary_conv.0.weight", f"{FIRST}.primary_rpr_conv.0.conv.weight"
ATTENTION = "blocks.2.0.ghost1.short_conv.0.weight"
LAST = "blocks.9.0.conv.weight"
# The published widths first: where several give the same channels, the best known is meant.
WIDTHS = (1.0, 0.5, 1.3, 1.6, 1.1, *(index / 20 for index in range(1, 81)))
FINE_WIDTHS = tuple(index / 100 for index in range(1, 401))
# One stage where the block's kernel is 5.
LARGE_SHORTCUT = "blocks.3.0.shortcut.0.weight"


def canonical_shapes(checkpoint: Checkpoint, canonical: Callable[[str], str]) -> Shapes:
    """The shapes of a checkpoint's tensors, by canonical name."""
    return {canonical(name): array.shape for name, array in checkpoint.tensors.items()}


def is_ghostnet(shapes: Shapes) -> bool:
    """Whether the names are those of a GhostNet."""
    return "conv_stem.weight" in shapes and (PLAIN in shapes or BRANCHED in shapes)


def recognise_ghostnet(shapes: Shapes) -> str:
    """The architecture that canonical names tell."""
    if BRANCHED in shapes or f"{FIRST}.primary_conv.0.bias" in shapes:
        return "ghostnetv3"
    return "ghostnetv2" if ATTENTION in shapes else "ghostnet"


def read_ghostnet(shapes: Shapes, architecture: str, given: Arguments) -> Arguments:
    """The arguments that the shapes, by canonical name, tell; `given` ones are taken for granted.

    Raises `ImportRefused` where no width fits.
    """
    read: Arguments = {"in_chans": shapes["conv_stem.weight"][1]}
    read["num_classes"] = shapes["classifier.bias"][0] if "classifier.bias" in shapes else 0
    read["head"] = "norm" if "bn_head.weight" in shapes else "bias"
    read |= _read_ghost_module(shapes)
    if architecture == "ghostnetv3":
        read["form"] = "training" if BRANCHED in shapes else "deployed"
    if shapes.get(LARGE_SHORTCUT, ())[2:] == (3, 3):
        read["shortcut_kernel_size"] = 3
    version = {"ghostnet": 1, "ghostnetv2": 2, "ghostnetv3": 3}[architecture]
    return _with_width(shapes, version, read, given)


def _read_ghost_module(shapes: Shapes) -> Arguments:
    deployed = (PLAIN, f"{FIRST}.cheap_conv.0.weight")
    training = (BRANCHED, f"{FIRST}.cheap_rpr_conv.0.conv.weight")
    primary, cheap = training if BRANCHED in shapes else deployed
    if cheap not in shapes:
        return {"ratio": 1}
    return {
        "ratio": shapes[cheap][0] // shapes[primary][0] + 1,
        "dw_kernel_size": shapes[cheap][2],
    }


def _with_width(shapes: Shapes, version: int, read: Arguments, given: Arguments) -> Arguments:
    """`read`, and the width and the rounding of squeeze-and-excitation that fit best."""
    stem, last = shapes["conv_stem.weight"][0], shapes.get(LAST, (0,))[0]
    wanted = {STEM_CHANNELS: stem, LAST_EXPANSION: last}
    best: tuple[int, Arguments] | None = None
    for width in [given["width"]] if "width" in given else (*WIDTHS, *FINE_WIDTHS):
        if "width" not in given and any(
            make_divisible(channels * width) != found for channels, found in wanted.items()
        ):
            continue
        for rounding in ("divisible", "floor"):
            arguments = read | {"width": width, "se_rounding": rounding}
            wrong = _misfits(shapes, version, arguments | given)
            if best is None or wrong < best[0]:
                best = wrong, arguments
        if best and best[0] == 0:
            break
    if best is None:
        raise ImportRefused(
            f"no width of GhostNet has {stem} channels in the stem and {last} in the last "
            "convolution: give it with --config '{\"width\": ...}' if it is one"
        )
    return best[1]


def _misfits(shapes: Shapes, version: int, arguments: Mapping[str, Any]) -> int:
    specs = GhostNetConfig(version, **arguments).tensors()
    return sum(shapes.get(spec.name, spec.shape) != spec.shape for spec in specs)
