"""Which layer a state dict is of: its arguments, read from canonical names and shapes.

Each reader gives what the tensors tell, and what the classes that bear these names usually have
where no tensor tells and it is not this project's default. An argument without effect on this
module counts as told.
"""

from __future__ import annotations

from itertools import product

from weights.arithmetic import ChannelSplit, same_padding
from weights.checks import integer
from weights.importers.layouts.shapes import Arguments, Shapes, best_fit, divided
from weights.importers.rules import find_ratios
from weights.modules.arguments import SPLITS
from weights.modules.forms import DEPLOYED, TRAINING

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_conv.0.weight"
BRANCH, CHEAP_BRANCH = "primary_rpr_conv.0.conv.weight", "cheap_rpr_conv.0.conv.weight"
GATE = "short_conv.0.weight"
# Arguments that no class with these names has.
ABSENT = {"dilation": 1, "groups": 1}
PUBLISHED_SE_RATIO = 0.25

Read = tuple[Arguments, Arguments]


def kernels(shapes: Shapes, prefix: str = "") -> tuple[str, str]:
    """The names of the two kernels of a ghost module; the second may be absent."""
    branched = prefix + BRANCH in shapes
    primary, cheap = (BRANCH, CHEAP_BRANCH) if branched else (PRIMARY, CHEAP)
    return prefix + primary, prefix + cheap


def read_ghost_conv(shapes: Shapes, given: Arguments) -> Read:
    """GhostConv, which timm calls GhostModule."""
    told, usual = _read_ghost_module(shapes, given)
    told |= ABSENT
    height, width = told["kernel_size"]
    usual["padding"] = same_padding(height), same_padding(width)
    return told, usual


def read_ghost_conv_v2(shapes: Shapes, given: Arguments) -> Read:
    """GhostConvV2; its gate has every output channel."""
    told, usual = read_ghost_conv(shapes, given)
    return told | {"c_out": shapes.kernel(GATE)[0]}, usual


def read_ghost_conv_v3(shapes: Shapes, given: Arguments) -> Read:
    """GhostConvV3, with its branches or with one convolution in their place."""
    told, usual = _read_ghost_module(shapes, given)
    told |= {"attention": GATE in shapes, "form": TRAINING if BRANCH in shapes else DEPLOYED}
    if GATE in shapes:
        told["c_out"] = shapes.kernel(GATE)[0]
    if BRANCH in shapes:
        c_int, skips = shapes.kernel(BRANCH)[0], "primary_rpr_skip.weight" in shapes
        told |= {"branches": shapes.count("primary_rpr_conv.")}
        told |= {"primary_skip": True, "stride": 1} if skips else {}
        usual |= {"stride": 1 if skips or c_int != told["c_in"] else 2}
    return told, usual


def read_squeeze_excite(shapes: Shapes, given: Arguments) -> Read:
    """SqueezeExcite."""
    channels = shapes.kernel("conv_expand.weight")[0]
    candidates = (
        {"channels": channels, "se_ratio": ratio, "rounding": rounding}
        for ratio, rounding in _squeezings(shapes, "", channels)
    )
    return best_fit(shapes, "squeeze_excite", candidates, given), {}


def read_bottleneck(shapes: Shapes, given: Arguments) -> Read:
    """GhostBottleneck of any of the three GhostNets."""
    told, usual = _read_outline(shapes)
    c_mid, c_out = told["c_mid"], told["c_out"]
    splits = {
        c_mid: divided(shapes, *kernels(shapes, "ghost1.")),
        c_out: divided(shapes, *kernels(shapes, "ghost2.")),
    }
    squeezings = [(0.0, "divisible")]
    if "se.conv_reduce.weight" in shapes:
        squeezings = _squeezings(shapes, "se.", c_mid)
    candidates = (
        told | ratio | {"se_ratio": se_ratio, "se_rounding": rounding, "primary_skip": skip}
        for skip, (se_ratio, rounding), ratio in product((True, False), squeezings, ratios(splits))
    )
    return best_fit(shapes, "ghost_bottleneck", candidates, usual | given), usual


def ratios(splits: dict[int, ChannelSplit], usual: str = "ceil") -> list[Arguments]:
    """Every plain way to divide these channels like that: by integers first, then as `usual`.

    Where there is none, the defaults are left to give a report.
    """
    found = [(ratio, split) for split in SPLITS for ratio in find_ratios(splits, split)]
    found.sort(key=lambda each: (each[0] % 1 != 0, each[1] != usual))
    return [{"ratio": ratio, "split": split} for ratio, split in found] or [{}]


def _read_outline(shapes: Shapes) -> Read:
    """What stands around the ghost modules of a bottleneck, and what those share."""
    primary, cheap = kernels(shapes, "ghost1.")
    c_in = shapes.kernel(primary)[1]
    c_mid = shapes.kernel(kernels(shapes, "ghost2.")[0])[1]
    told: Arguments = {"c_in": c_in, "c_mid": c_mid, "c_out": c_in}
    told["attention"] = f"ghost1.{GATE}" in shapes
    told |= {"dw_kernel_size": shapes.kernel(cheap)[2]} if cheap in shapes else {}
    outline, usual = _read_shortcut(shapes)
    branches, usual_branches = _read_branches(shapes)
    return told | outline | branches, usual | usual_branches


def _read_shortcut(shapes: Shapes) -> Read:
    """Stride and kernels, of the strided convolution and of the shortcut, where they are."""
    strided = next((n for n in ("conv_dw.weight", "dw_rpr_conv.0.conv.weight") if n in shapes), "")
    told: Arguments = {} if strided else {"stride": 1}
    usual: Arguments = {"stride": 2} if strided else {}
    if "shortcut.0.weight" in shapes:
        kernel_size = shapes.kernel("shortcut.0.weight")[2]
        told |= {"kernel_size": kernel_size, "shortcut_kernel_size": kernel_size}
        told["c_out"] = shapes.kernel("shortcut.2.weight")[0]
    else:
        told |= {"kernel_size": 3, "shortcut_kernel_size": 0, "shortcut_activation": "identity"}
    return told | ({"kernel_size": shapes.kernel(strided)[2]} if strided else {}), usual


def _read_branches(shapes: Shapes) -> Read:
    if f"ghost1.{BRANCH}" in shapes:
        return {"branches": shapes.count("ghost1.primary_rpr_conv."), "form": TRAINING}, {}
    if "ghost1.primary_conv.0.bias" in shapes:
        return {"form": DEPLOYED}, {"branches": 3}
    return {"branches": 0, "form": TRAINING}, {}


def _read_ghost_module(shapes: Shapes, given: Arguments) -> Read:
    """What the kernels of a ghost module tell; timm divides the channels upwards."""
    primary, cheap = kernels(shapes)
    _, inputs, height, width = shapes.kernel(primary)
    channels = divided(shapes, primary, cheap)
    groups = integer("groups", given.get("groups", 1), minimum=1)
    told: Arguments = {"c_in": inputs * groups, "kernel_size": (height, width)}
    told |= {"ratio": channels.multiplier + 1, "split": "ceil"}
    if channels.multiplier:
        told["dw_kernel_size"] = shapes.kernel(cheap)[2]
    # The output is cropped to c_out, which leaves no trace in the tensors.
    c_out = {"c_out": channels.c_int + channels.c_cheap}
    return (told, c_out) if channels.multiplier else (told | c_out, {})


def _squeezings(shapes: Shapes, prefix: str, channels: int) -> list[tuple[float, str]]:
    """Ratio and rounding that may give the squeezed channels; the published ones first."""
    squeezed = shapes.kernel(f"{prefix}conv_reduce.weight")[0]
    possible = (PUBLISHED_SE_RATIO, squeezed / channels, (squeezed + 0.5) / channels)
    return list(product(possible, ("divisible", "floor")))
