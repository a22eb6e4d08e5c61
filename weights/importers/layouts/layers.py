"""Layers that a state dict may be of: their arguments, read from canonical names and shapes.

An argument without effect on the module counts as determined by the tensors.
"""

from dataclasses import replace
from itertools import product

from weights.arithmetic import ChannelSplit, same_padding
from weights.checks import integer
from weights.importers.importer import Arguments, Inferred, Shapes
from weights.importers.layouts.ghost_modules import (
    best_fit,
    cheap_kernel,
    divided,
    find_ratios,
    read_ghost_module,
)
from weights.modules.arguments import SPLITS
from weights.modules.forms import DEPLOYED, TRAINING

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_conv.0.weight"
BRANCH, CHEAP_BRANCH = "primary_rpr_conv.0.conv.weight", "cheap_rpr_conv.0.conv.weight"
GATE = "short_conv.0.weight"
# Arguments that no class with these names has.
ABSENT = {"dilation": 1, "groups": 1, "bias": False}
PUBLISHED_SE_RATIO = 0.25

# The arguments that tensors determine, and defaults of the foreign class for others.
Read = tuple[Arguments, Arguments]


def kernels(shapes: Shapes, prefix: str = "") -> tuple[str, str]:
    """Return the names of the two kernels of a ghost module; the second may be absent."""
    branched = prefix + BRANCH in shapes
    primary, cheap = (BRANCH, CHEAP_BRANCH) if branched else (PRIMARY, CHEAP)
    return prefix + primary, prefix + cheap


def infer_ghost_conv(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer GhostConv, which timm calls GhostModule."""
    found, defaults = _read_ghost_module(shapes, given)
    height, width = found["kernel_size"]
    defaults["padding"] = same_padding(height), same_padding(width)
    return Inferred(architecture, found | ABSENT, defaults)


def infer_ghost_conv_v2(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer GhostConvV2, whose gate has every output channel."""
    found = infer_ghost_conv(shapes, architecture, given)
    return replace(found, arguments=found.arguments | {"c_out": shapes.kernel(GATE)[0]})


def infer_ghost_conv_v3(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer GhostConvV3, with its branches or with one convolution in their place."""
    found, defaults = _read_ghost_module(shapes, given)
    found |= {"attention": GATE in shapes, "form": TRAINING if BRANCH in shapes else DEPLOYED}
    found |= {"c_out": shapes.kernel(GATE)[0]} if GATE in shapes else {}
    if BRANCH in shapes:
        c_int, skips = shapes.kernel(BRANCH)[0], "primary_rpr_skip.weight" in shapes
        found |= {"branches": shapes.count("primary_rpr_conv.")}
        found |= {"primary_skip": True, "stride": 1} if skips else {}
        defaults |= {"stride": 1 if skips or c_int != found["c_in"] else 2}
    return Inferred(architecture, found, defaults)


def infer_squeeze_excite(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer SqueezeExcite."""
    channels = shapes.kernel("conv_expand.weight")[0]
    candidates = (
        {"channels": channels, "se_ratio": ratio, "rounding": rounding}
        for ratio, rounding in squeezings(shapes, "", channels)
    )
    return Inferred(architecture, best_fit(shapes, architecture, candidates, given))


def infer_bottleneck(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer GhostBottleneck of any of the three GhostNets."""
    found, defaults = _read_outline(shapes)
    c_mid, c_out = found["c_mid"], found["c_out"]
    splits = {
        c_mid: divided(shapes, *kernels(shapes, "ghost1.")),
        c_out: divided(shapes, *kernels(shapes, "ghost2.")),
    }
    squeezed = squeezings(shapes, "se.", c_mid)
    candidates = (
        found | ratio | {"se_ratio": se_ratio, "se_rounding": rounding, "primary_skip": skip}
        for skip, (se_ratio, rounding), ratio in product((True, False), squeezed, ratios(splits))
    )
    return Inferred(
        architecture, best_fit(shapes, architecture, candidates, defaults | given), defaults
    )


def ratios(splits: dict[int, ChannelSplit], preferred: str = "ceil") -> list[Arguments]:
    """Return every plain way to divide these channels: integers and the `preferred` split first.

    Where there is none, the defaults are left to give a report.
    """
    found = [(ratio, split) for split in SPLITS for ratio in find_ratios(splits, split)]
    found.sort(key=lambda each: (each[0] % 1 != 0, each[1] != preferred))
    return [{"ratio": ratio, "split": split} for ratio, split in found] or [{}]


def read_shortcut(shapes: Shapes) -> Read:
    """Read stride and kernels of the strided convolution and of the shortcut."""
    strided = next((n for n in ("conv_dw.weight", "dw_rpr_conv.0.conv.weight") if n in shapes), "")
    found: Arguments = {} if strided else {"stride": 1}
    defaults: Arguments = {"stride": 2} if strided else {}
    if "shortcut.0.weight" in shapes:
        kernel_size = shapes.kernel("shortcut.0.weight")[2]
        found |= {"kernel_size": kernel_size, "shortcut_kernel_size": kernel_size}
        found["c_out"] = shapes.kernel("shortcut.2.weight")[0]
    else:
        found |= {"kernel_size": 3, "shortcut_kernel_size": 0, "shortcut_activation": "identity"}
    return found | ({"kernel_size": shapes.kernel(strided)[2]} if strided else {}), defaults


def squeezings(shapes: Shapes, prefix: str, channels: int) -> list[tuple[float, str]]:
    """Return ratios and roundings that may give the squeezed channels; the published ones first.

    Where nothing is squeezed the ratio is 0.
    """
    if f"{prefix}conv_reduce.weight" not in shapes:
        return [(0.0, "divisible")]
    squeezed = shapes.kernel(f"{prefix}conv_reduce.weight")[0]
    possible = (PUBLISHED_SE_RATIO, squeezed / channels, (squeezed + 0.5) / channels)
    return list(product(possible, ("divisible", "floor")))


def _read_outline(shapes: Shapes) -> Read:
    """Read what surrounds the ghost modules of a bottleneck, and what those share."""
    primary, cheap = kernels(shapes, "ghost1.")
    c_in = shapes.kernel(primary)[1]
    c_mid = shapes.kernel(kernels(shapes, "ghost2.")[0])[1]
    found: Arguments = {"c_in": c_in, "c_mid": c_mid, "c_out": c_in, "dilation": 1}
    found |= {"attention": f"ghost1.{GATE}" in shapes} | cheap_kernel(shapes, cheap)
    outline, defaults = read_shortcut(shapes)
    branches, default_branches = _read_branches(shapes)
    return found | outline | branches, defaults | default_branches


def _read_branches(shapes: Shapes) -> Read:
    if f"ghost1.{BRANCH}" in shapes:
        return {"branches": shapes.count("ghost1.primary_rpr_conv."), "form": TRAINING}, {}
    if "ghost1.primary_conv.0.bias" in shapes:
        return {"form": DEPLOYED}, {"branches": 3}
    return {"branches": 0, "form": TRAINING}, {}


def _read_ghost_module(shapes: Shapes, given: Arguments) -> Read:
    """Read the kernels of a ghost module; timm divides the channels upwards."""
    found, channels = read_ghost_module(shapes, *kernels(shapes), given)
    found |= {"ratio": channels.multiplier + 1, "split": "ceil"}
    if "c_out" in given:
        found |= ratios({integer("c_out", given["c_out"], minimum=1): channels})[0]
    # A cropped output leaves no trace in the tensors; without a cheap half nothing is cropped.
    c_out = {"c_out": channels.c_int + channels.c_cheap}
    return (found, c_out) if channels.multiplier else (found | c_out, {})
