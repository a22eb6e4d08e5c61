"""The shapes of a foreign state dict, asked for with care: any of them may be missing or odd."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from weights.arithmetic import ChannelSplit
from weights.errors import ArgumentError, ImportRefused
from weights.files.storage import PathLike
from weights.importers.checkpoints import Checkpoint
from weights.networks.architectures import configure

Arguments = dict[str, Any]
Kernel = tuple[int, int, int, int]


@dataclass(frozen=True)
class Shapes:
    """Shapes by canonical name; `foreign` gives the name that stands in the file."""

    path: PathLike
    found: Mapping[str, tuple[int, ...]] = field(repr=False)
    foreign: Callable[[str], str] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def count(self, start: str) -> int:
        """How many different parts of names, up to the next dot, begin with `start`."""
        names = (name[len(start) :] for name in self.found if name.startswith(start))
        return len({name.partition(".")[0] for name in names})

    def kernel(self, name: str) -> Kernel:
        """A kernel (O, I, height, width); raises `ImportRefused` for anything else."""
        c_out, c_in, *sizes = self._shape(name, 4, "a kernel (O, I, height, width)")
        return c_out, c_in, sizes[0], sizes[1]

    def length(self, name: str) -> int:
        """The size of a vector; raises `ImportRefused` for anything else."""
        return self._shape(name, 1, "a vector")[0]

    def _shape(self, name: str, rank: int, what: str) -> tuple[int, ...]:
        foreign = self.foreign(name)
        if name not in self.found:
            raise ImportRefused(f"{self.path} holds no such module: looked for {foreign!r}")
        shape = self.found[name]
        if len(shape) != rank or 0 in shape:
            raise ImportRefused(
                f"{self.path}: tensor {foreign!r} must be {what}, got shape {shape}"
            )
        return shape


def read_shapes(
    checkpoint: Checkpoint,
    canonical: Callable[[str], str] = str,
    foreign: Callable[[str], str] = str,
) -> Shapes:
    """The shapes of a checkpoint under canonical names; `foreign` is the inverse of `canonical`."""
    found = {canonical(name): array.shape for name, array in checkpoint.tensors.items()}
    return Shapes(checkpoint.path, found, foreign)


def divided(shapes: Shapes, primary: str, cheap: str) -> ChannelSplit:
    """How the halves of a ghost module divide its channels; `cheap` may be absent."""
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
    """The first of the candidates that explains every shape, or the one that explains the most.

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
