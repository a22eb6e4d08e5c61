"""Importers of foreign state dicts: names, shapes, what they recognise, what they cannot hold."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from weights.errors import ImportRefused
from weights.files.file import write_file
from weights.files.settings import Preprocess
from weights.files.storage import PathLike
from weights.importers.checkpoints import Checkpoint, read_checkpoint
from weights.importers.gates import OWN_GATE
from weights.networks.architectures import Config
from weights.tensors import TensorSpec

# Regular expressions and their replacements, applied one after the other.
Renames = Sequence[tuple[str, str]]
Kernel = tuple[int, int, int, int]
Arguments = dict[str, Any]


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
        c_out, c_in, height, width = self._shape(name, 4, "a kernel (O, I, height, width)")
        return c_out, c_in, height, width

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


@dataclass(frozen=True)
class Inferred:
    """The module that a checkpoint is of.

    `arguments` are those that the tensors, or the file, determine. `defaults` are those of the
    foreign class that no tensor determines and that are not this project's defaults. `assumptions`
    say what else is taken for granted: where `preprocess` and `classes` come from if only the
    number of classes tells, and what this project's networks always compute.
    """

    architecture: str
    arguments: Arguments
    defaults: Arguments = field(default_factory=dict)
    preprocess: Preprocess | None = None
    classes: tuple[str, ...] | None = None
    assumptions: Mapping[str, str] = field(default_factory=dict)


def unchanged(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return a foreign tensor as it is: it is the canonical one."""
    return array


@dataclass(frozen=True)
class Part:
    """A module in a file that is no state dict: where it is, what it is, its tensors.

    `arguments` are those that the file tells; `tensors` have canonical names. `source` and `output`
    are the values that it reads and makes, `gate` is that of its squeeze-and-excitation,
    `count_dropped` counts what is around it and is left out. `twin` is another architecture that
    computes the same with the same tensors.
    """

    path: str
    architecture: str
    arguments: Arguments
    tensors: Mapping[str, np.ndarray] = field(repr=False)
    source: str = ""
    output: str = ""
    gate: str = OWN_GATE
    count_dropped: Callable[[], Mapping[str, int]] = dict
    twin: str = ""


@dataclass(frozen=True)
class Importer:
    """A foreign convention: its architectures, its names, and what its classes cannot compute.

    `starts` matches how the names of its modules begin. `infer` recognises the module of shapes,
    for an architecture and arguments that may be given. `differences` yields every way in which no
    foreign class computes what a configuration says. `renames` make foreign names of canonical
    ones, `inverse` makes of foreign names those that `infer` knows. `to_canonical` makes the
    canonical tensor of a foreign one. `gate` is that of its squeeze-and-excitation, `refuse` raises
    for a file that is refused by its name. `read` reads a file and an entry of it;
    `read_parts` reads the modules of a file that is no state dict.
    """

    name: str
    architectures: tuple[str, ...]
    starts: re.Pattern[str]
    infer: Callable[[Shapes, str | None, Arguments], Inferred]
    differences: Callable[[Config], Iterator[str]] = field(repr=False)
    renames: Renames = field(default=(), repr=False)
    inverse: Renames = field(default=(), repr=False)
    to_canonical: Callable[[np.ndarray, TensorSpec], np.ndarray] = unchanged
    gate: str = OWN_GATE
    refuse: Callable[[PathLike], None] = lambda path: None
    read: Callable[[PathLike, str | None], Checkpoint] = read_checkpoint
    read_parts: Callable[[PathLike], Sequence[Part]] | None = None

    def check_architecture(self, architecture: str | None, got: str) -> None:
        """Raise `ImportRefused` for an architecture that it does not read."""
        if architecture is not None and architecture not in self.architectures:
            known = ", ".join(self.architectures)
            raise ImportRefused(f"the importer {self.name} reads {known}, {got} {architecture!r}")

    def foreign_name(self, name: str) -> str:
        """Return the foreign name of a canonical one."""
        return rename(name, self.renames)


def fixed_differences(config: Config, fixed: Mapping[str, Any]) -> Iterator[str]:
    """Yield every argument that differs from the one that a foreign class always has."""
    for name, value in fixed.items():
        if getattr(config, name) != value:
            yield f"its `{name}` is always {value!r}, the file has {getattr(config, name)!r}"


@dataclass(frozen=True)
class Imported:
    """A converted checkpoint: canonical names and layouts, ready to be written.

    `source` records the importer and what was dropped and assumed.
    """

    architecture: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(repr=False)
    source: dict[str, Any]
    preprocess: Preprocess | None = None
    classes: tuple[str, ...] | None = None

    def with_assumed(self, **assumed: Any) -> Self:
        """Return the same with more that is only assumed."""
        return replace(self, source=self.source | {"assumed": self.source["assumed"] | assumed})

    def without_assumed(self, names: Sequence[str]) -> Self:
        """Return the same without annotations that are only assumed."""
        assumed = self.source["assumed"]
        gone: dict[str, Any] = {name: None for name in names if name in assumed}
        kept = {name: value for name, value in assumed.items() if name not in gone}
        return replace(self, **gone, source=self.source | {"assumed": kept})

    def with_preprocess(self, settings: Preprocess) -> Self:
        """Return the same with the settings of an image, which are then no assumption."""
        return replace(self.without_assumed(("preprocess",)), preprocess=settings.copy())


def write(imported: Imported, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of a converted checkpoint."""
    write_file(path, **vars(imported), overwrite=overwrite)
