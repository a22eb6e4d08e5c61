"""The shapes of a foreign state dict, any of which may be missing or odd."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weights.errors import ImportRefused
from weights.files.storage import PathLike

# Regular expressions and their replacements, applied one after the other.
Renames = Sequence[tuple[str, str]]
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


def rename(name: str, renames: Renames) -> str:
    r"""Apply every rename in turn.

    >>> rename("ghost1.cheap_conv.0.weight", [(r"cheap_conv\.", "cheap_operation.")])
    'ghost1.cheap_operation.0.weight'
    """
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name
