"""Ghost modules in a state dict: the arguments that their shapes determine."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from weights.arithmetic import ChannelSplit
from weights.checks import integer
from weights.errors import ArgumentError, ImportRefused
from weights.importers.importer import Arguments
from weights.importers.shapes import Shapes
from weights.networks.architectures import configure


def read_ghost_module(
    shapes: Shapes, primary: str, cheap: str, given: Arguments
) -> tuple[Arguments, ChannelSplit]:
    """Return the arguments that the two kernels of a ghost module determine, and its channels.

    The kernel called `cheap` may be absent; `groups` is taken from the arguments that are `given`.
    """
    _, inputs, *kernel_size = shapes.kernel(primary)
    groups = integer("groups", given.get("groups", 1), minimum=1)
    found: Arguments = {"c_in": inputs * groups, "kernel_size": tuple(kernel_size)}
    return found | cheap_kernel(shapes, cheap), divided(shapes, primary, cheap)


def cheap_kernel(shapes: Shapes, cheap: str) -> Arguments:
    """Return the argument that the kernel of a cheap convolution determines, if there is one."""
    return {"dw_kernel_size": shapes.kernel(cheap)[2]} if cheap in shapes else {}


def divided(shapes: Shapes, primary: str, cheap: str) -> ChannelSplit:
    """Return how the halves of a ghost module divide its channels; `cheap` may be absent."""
    c_int = shapes.kernel(primary)[0]
    c_cheap = shapes.kernel(cheap)[0] if cheap in shapes else 0
    if c_cheap % c_int:
        raise ImportRefused(
            f"the cheap convolution must have a multiple of the primary channels, got {c_cheap} "
            f"for {c_int}"
        )
    return ChannelSplit(c_int, c_cheap // c_int)


def best_fit(
    shapes: Shapes, architecture: str, candidates: Iterable[Arguments], given: Arguments
) -> Arguments:
    """Return the first of the candidates that explains every shape, or the one that explains most.

    Raises `ArgumentError` where none of them is a module.
    """
    best: tuple[int, Arguments] | None = None
    refused: ArgumentError | None = None
    for candidate in candidates:
        try:
            wrong = _misfits(shapes, architecture, candidate | given)
        except ArgumentError as error:
            refused = refused or error
            continue
        if best is None or wrong < best[0]:
            best = wrong, candidate
        if wrong == 0:
            break
    if best is None:
        raise refused or ImportRefused(f"{shapes.path} holds no {architecture} that is known")
    return best[1]


def _misfits(shapes: Shapes, architecture: str, arguments: Arguments) -> int:
    # One more than the file holds: no configuration may ask for more work than that.
    limit = len(shapes.found) + 1
    specs = list(islice(configure(architecture, arguments).tensors(), limit))
    wrong = sum(shapes.found.get(spec.name) != spec.shape for spec in specs)
    return wrong + len(shapes.found) - len(specs)
