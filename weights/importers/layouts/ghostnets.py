"""GhostNets that a state dict may be of: version, width and the rest, from names and shapes."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from weights.arithmetic import make_divisible
from weights.errors import ImportRefused
from weights.files.settings import imagenet
from weights.importers.importer import Arguments, Inferred, Shapes, rename
from weights.importers.layouts.ghost_modules import best_fit, cheap_kernel, divided
from weights.importers.layouts.layers import BRANCH, PRIMARY, kernels
from weights.importers.layouts.rep_ghost import is_rep_ghost, read_rep_ghost
from weights.networks.ghostnet import BLOCKS, LAST_EXPANSION, STEM_CHANNELS, GhostNetConfig
from weights.tensors import TensorSpec

FIRST = "blocks.0.0.ghost1."
# Under either of them the first ghost module has its primary kernel.
PLAIN, BRANCHED = FIRST + PRIMARY, FIRST + BRANCH
ATTENTION = "blocks.2.0.ghost1.short_conv.0.weight"
LAST, CLASSES = "blocks.9.0.conv.weight", "classifier.bias"
SE_ROUNDINGS: tuple[Arguments, ...] = ({"se_rounding": "divisible"}, {"se_rounding": "floor"})
# The published widths first: where several give the same channels, the best known is meant.
WIDTHS = (1.0, 0.5, 1.3, 1.6, 1.1, *(index / 20 for index in range(1, 81)))
FINE_WIDTHS = tuple(index / 100 for index in range(1, 401))
# One stage where the block's kernel is 5.
LARGE_SHORTCUT = "blocks.3.0.shortcut.0.weight"


def is_ghostnet(shapes: Shapes) -> bool:
    """Return whether the names are those of a GhostNet."""
    return "conv_stem.weight" in shapes and (PLAIN in shapes or BRANCHED in shapes)


def recognise_ghostnet(shapes: Shapes) -> str:
    """Return the architecture that canonical names are of."""
    if is_rep_ghost(shapes, FIRST):
        return "repghostnet"
    if BRANCHED in shapes or f"{FIRST}primary_conv.0.bias" in shapes:
        return "ghostnetv3"
    return "ghostnetv2" if ATTENTION in shapes else "ghostnet"


def numbered_blocks(name: str, start: int = 1) -> list[tuple[str, str]]:
    """Return the renames to names that number the blocks through, such as `features.{}.`."""
    return [
        (rf"^blocks\.{stage}\.{index}\.", name.format(number))
        for number, (stage, index) in enumerate(BLOCKS, start)
    ]


def canonical_shapes(
    shapes: Shapes,
    what: str,
    to_canonical: Callable[[np.ndarray, TensorSpec], np.ndarray],
    version: int = 1,
    **arguments: Any,
) -> Shapes:
    """Return shapes by canonical name and in canonical layout; a GhostNet of any width names them.

    `arguments` are those that decide which tensors there are. Raises `ImportRefused` where the
    first ghost module is missing, with `what` before the name that was looked for.
    """
    first = rename(PLAIN, shapes.renames)
    if first not in shapes:
        raise ImportRefused(f"{shapes.path} must hold {what} {first!r}, got none")
    config = GhostNetConfig(version, **arguments)
    specs = {rename(spec.name, shapes.renames): spec for spec in config.tensors()}
    found = {
        spec.name: to_canonical(np.broadcast_to(0, shapes.found[name]), spec).shape
        for name, spec in specs.items()
        if name in shapes
    }
    return replace(shapes, found=found)


def infer_ghostnet(
    shapes: Shapes, architecture: str, given: Arguments, fixed: Arguments | None = None
) -> Inferred:
    """Infer a GhostNet; `fixed` are arguments of the foreign class, over which `given` ones win.

    A network of 1,000 classes and 3 channels is assumed to be one of ImageNet. Raises
    `ImportRefused` where no width fits.
    """
    fixed = fixed or {}
    found = _read(shapes, architecture, fixed | given) | fixed
    if ((found | given)["num_classes"], (found | given)["in_chans"]) != (1000, 3):
        return Inferred(architecture, found)
    assumptions = {"preprocess": "ImageNet"}
    return Inferred(architecture, found, preprocess=imagenet(), assumptions=assumptions)


def inferring(
    what: str,
    to_canonical: Callable[[np.ndarray, TensorSpec], np.ndarray],
    fixed: Arguments,
    undetermined: Collection[str] = (),
    version: Callable[[Shapes], int] = lambda shapes: 1,
) -> Callable[[Shapes, str | None, Arguments], Inferred]:
    """Return what infers a GhostNet from foreign names and layouts.

    `what` begins the refusal, as in `canonical_shapes`; `fixed` are arguments of the foreign class,
    of which the tensors do not tell those `undetermined`.
    """

    def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
        number, own = version(shapes), {"head": fixed["head"]}
        canonical = canonical_shapes(shapes, what, to_canonical, number, **own)
        name = "ghostnet" if number == 1 else f"ghostnetv{number}"
        found = infer_ghostnet(canonical, name, given, fixed)
        defaults = {name: found.arguments.pop(name) for name in undetermined}
        return replace(found, defaults=defaults)

    return infer


def _read(shapes: Shapes, architecture: str, given: Arguments) -> Arguments:
    found: Arguments = {"in_chans": shapes.kernel("conv_stem.weight")[1]}
    found |= {"num_classes": shapes.length(CLASSES) if CLASSES in shapes else 0}
    found |= _read_modules(shapes, architecture)
    roundings = ({},) if architecture == "repghostnet" else SE_ROUNDINGS
    candidates = (
        found | {"width": width} | rounding
        for width in _widths(shapes, given)
        for rounding in roundings
    )
    return best_fit(shapes, architecture, candidates, given)


def _read_modules(shapes: Shapes, architecture: str) -> Arguments:
    """Read what the ghost modules share, and the blocks."""
    if architecture == "repghostnet":
        return read_rep_ghost(shapes, FIRST)
    primary, cheap = kernels(shapes, FIRST)
    is_deployed = architecture == "ghostnetv3" and BRANCHED not in shapes
    is_large = LARGE_SHORTCUT in shapes and shapes.kernel(LARGE_SHORTCUT)[2:] == (3, 3)
    return {
        "head": "norm" if "bn_head.weight" in shapes else "bias",
        "ratio": divided(shapes, primary, cheap).multiplier + 1,
        "split": "ceil",
        **cheap_kernel(shapes, cheap),
        "form": "deployed" if is_deployed else "training",
        "shortcut_kernel_size": 3 if is_large else 0,
    }


def _widths(shapes: Shapes, given: Arguments) -> list[float]:
    """Return the widths whose stem and last convolution have these channels."""
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
