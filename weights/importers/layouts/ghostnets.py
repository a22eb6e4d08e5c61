"""Which GhostNet a state dict is of: version, width and the rest, read from names and shapes."""

from __future__ import annotations

from weights.arithmetic import make_divisible
from weights.errors import ImportRefused
from weights.importers.layouts.shapes import Arguments, Shapes, best_fit, divided
from weights.networks.ghostnet import LAST_EXPANSION, STEM_CHANNELS

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


def is_ghostnet(shapes: Shapes) -> bool:
    """Whether the names are those of a GhostNet."""
    return "conv_stem.weight" in shapes and (PLAIN in shapes or BRANCHED in shapes)


def recognise_ghostnet(shapes: Shapes) -> str:
    """The architecture that canonical names tell."""
    if BRANCHED in shapes or f"{FIRST}.primary_conv.0.bias" in shapes:
        return "ghostnetv3"
    return "ghostnetv2" if ATTENTION in shapes else "ghostnet"


def read_ghostnet(shapes: Shapes, architecture: str, given: Arguments) -> Arguments:
    """The arguments that the shapes tell; `given` ones are taken for granted.

    Raises `ImportRefused` where no width fits.
    """
    read: Arguments = {"in_chans": shapes.kernel("conv_stem.weight")[1]}
    classifier = "classifier.bias"
    read["num_classes"] = shapes.length(classifier) if classifier in shapes else 0
    read["head"] = "norm" if "bn_head.weight" in shapes else "bias"
    read |= _read_ghost_module(shapes)
    deployed = architecture == "ghostnetv3" and BRANCHED not in shapes
    read["form"] = "deployed" if deployed else "training"
    large = LARGE_SHORTCUT in shapes and shapes.kernel(LARGE_SHORTCUT)[2:] == (3, 3)
    read["shortcut_kernel_size"] = 3 if large else 0
    candidates = (
        read | {"width": width, "se_rounding": rounding}
        for width in _widths(shapes, given)
        for rounding in ("divisible", "floor")
    )
    return best_fit(shapes, architecture, candidates, given)


def _read_ghost_module(shapes: Shapes) -> Arguments:
    deployed = (PLAIN, f"{FIRST}.cheap_conv.0.weight")
    training = (BRANCHED, f"{FIRST}.cheap_rpr_conv.0.conv.weight")
    primary, cheap = training if BRANCHED in shapes else deployed
    channels = divided(shapes, primary, cheap)
    read: Arguments = {"ratio": channels.multiplier + 1, "split": "ceil"}
    return read | ({"dw_kernel_size": shapes.kernel(cheap)[2]} if cheap in shapes else {})


def _widths(shapes: Shapes, given: Arguments) -> list[float]:
    """The widths whose stem and last convolution have these channels."""
    stem, last = shapes.kernel("conv_stem.weight")[0], shapes.kernel(LAST)[0]
    wanted = {STEM_CHANNELS: stem, LAST_EXPANSION: last}
    if "width" in given:
        return [given["width"]]
    widths = [
        width
        for width in (*WIDTHS, *FINE_WIDTHS)
        if all(make_divisible(channels * width) == got for channels, got in wanted.items())
    ]
    if not widths:
        raise ImportRefused(
            f"no width of GhostNet has {stem} channels in the stem and {last} in the last "
            "convolution: give it with --config '{\"width\": ...}' if it is one"
        )
    return widths
