"""The shapes of a foreign state dict, any of which may be missing or odd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from weights.arithmetic import ChannelSplit
from weights.checks import integer
from weights.errors import ArgumentError, ImportRefused
from weights.files.storage import PathLike
from weights.importers.checkpoints import Checkpoint
from weights.importers.importer import Arguments, Renames, rename
from weights.networks.architectures import configure

Kernel = tuple[int, int, int, int]


@dataclass(frozen=True)
class Shapes:
    """Shapes by canonical name; `renames` give the names that stand in the file."""

    path: PathLike
    found: Mapping[str, tuple[int, ...]] = field(repr=False)
    renames: Renames = field(default=(), repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def count(self, start: str) -> int:
        """Count the different parts of names, up to the next dot, that follow `start`."""
        names = (name[len(start) :] for name in self.found if name.startswith(start))
        return len({name.partition(".")[0] for name in names})

    def kernel(self, name: str) -> Kernel:
        """Return the shape (O, I, height, width) of a kernel; raises `ImportRefused` for others."""
        c_out, c_in, *sizes = self._shape(name, 4, "a kernel (O, I, height, width)")
        return c_out, c_in, sizes[0], sizes[1]

    def length(self, name: str) -> int:
        """Return the size of a vector; raises `ImportRefused` for anything else."""
        return self._shape(name, 1, "a vector")[0]

    def _shape(self, name: str, rank: int, what: str) -> tuple[int, ...]:
        foreign = rename(name, self.renames)
        if name not in self.found:
            raise ImportRefused(f"{self.path} holds no such module: looked for {foreign!r}")
        shape = self.found[name]
        if len(shape) != rank or 0 in shape:
            raise ImportRefused(
                f"{self.path}: tensor {foreign!r} must be {what}, got shape {shape}"
            )
        return shape


def read_shapes(
    checkpoint: Checkpoint, to_canonical: Renames = (), to_foreign: Renames = ()
) -> Shapes:
    """Return the shapes of a checkpoint under canonical names, by a renaming and its inverse."""
    found = {rename(name, to_canonical): x.shape for name, x in checkpoint.tensors.items()}
    return Shapes(checkpoint.path, found, to_foreign)


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
