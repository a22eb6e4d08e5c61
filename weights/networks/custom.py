"""A user's own network: the path, kind and configuration of every module that has tensors."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, TypeVar

from weights.errors import ArgumentError, FormatError
from weights.modules.configuration import IN_NAME, Configuration
from weights.tensors import SizedTensors, Sizes, TensorSpec, under
from weights.text import brief, listed

CUSTOM = "custom"
T = TypeVar("T")
# Names between dots, of at most so many characters: those of tensors are a little longer.
PATH = re.compile(r"[^.\x00-\x1f\x7f\ud800-\udfff]+(\.[^.\x00-\x1f\x7f\ud800-\udfff]+)*")
LONGEST_PATH = 480
NUMBER = re.compile(r"[0-9]{1,9}")
FIELDS = {"path": str, "kind": str, "config": Mapping}


@dataclass(frozen=True)
class Entry:
    """A module of a network: where it stands, what it is, and the arguments of that."""

    path: str
    kind: str
    config: Mapping[str, Any]


def _entries(name: str, value: object) -> tuple[Entry, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ArgumentError(f"`{name}` must be a list of modules, one at least, got {brief(value)}")
    wrong = [index for index, each in enumerate(value) if not _is_entry(each)]
    if wrong:
        raise ArgumentError(
            f"`{name}` must be objects of path, kind and config, the path names between dots of "
            f"{LONGEST_PATH} characters at most, got {brief(value[wrong[0]])} at "
            f"{listed(map(str, wrong))}"
        )
    entries = tuple(sorted((Entry(**each) for each in value), key=lambda each: place(each.path)))
    _check_paths(entries)
    return entries


def place(path: str) -> tuple[tuple[int, int, str], ...]:
    """Where a path stands among others: name by name, numbers by their value.

    >>> sorted(["a.10", "stem", "a.9.b"], key=place)
    ['a.9.b', 'a.10', 'stem']
    """
    names = path.split(".")
    return tuple((0, int(n), n) if NUMBER.fullmatch(n) else (1, 0, n) for n in names)


def _is_entry(value: object) -> bool:
    if not isinstance(value, Mapping) or value.keys() != FIELDS.keys():
        return False
    path = value["path"]
    right = all(isinstance(value[name], kind) for name, kind in FIELDS.items())
    return right and len(path) <= LONGEST_PATH and (not path or PATH.fullmatch(path) is not None)


def _check_paths(entries: tuple[Entry, ...]) -> None:
    """Raise `ArgumentError` for modules at one path, or inside each other."""
    paths = sorted(f"{entry.path}." if entry.path else "" for entry in entries)
    inside = [path for above, path in pairwise(paths) if path.startswith(above)]
    if inside:
        names = listed(repr(path.removesuffix(".")) for path in inside)
        raise ArgumentError(f"`modules` must stand side by side, got {names} in or at another")


@dataclass(frozen=True)
class CustomConfig(Configuration):
    """The modules of a network in the order of their paths; what connects them is not told.

    `configure` makes the configuration of a kind. It is asked for a module when the module's
    tensors are: no list of modules, however long, is more work than the tensors that are there.

    >>> from weights import configure
    >>> scale = {"path": "bn", "kind": "batch_norm", "config": {"channels": 2, "eps": 1e-5,
    ...     "momentum": 0.1}}
    >>> [spec.name for spec in configure("custom", {"modules": [scale]}).tensors()]
    ['bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var']
    """

    configure: Annotated[Callable[..., Configuration], IN_NAME] = field(repr=False)
    modules: Annotated[Any, _entries]
    _made: dict[int, Configuration] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def parts(self) -> Iterator[tuple[Entry, Configuration]]:
        """Every module with its configuration; raises `ArgumentError` of each."""
        for index, entry in enumerate(self.modules):
            if index not in self._made:
                self._made[index] = self._part(entry)
            yield entry, self._made[index]

    def _part(self, entry: Entry) -> Configuration:
        try:
            part = self.configure(entry.kind, entry.config)
        except ArgumentError as error:
            raise ArgumentError(f"module {brief(entry.path)}: {error}") from None
        if next(part.tensors(), None) is None:
            raise ArgumentError(f"module {brief(entry.path)} must have tensors, got none")
        return part

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """Every tensor; raises `ArgumentError` for known sizes, since nothing tells their way."""
        if sizes != (None, None):
            raise ArgumentError(
                "a user's own network must be counted in its framework, got one of which a file "
                "tells the modules, not how they are connected"
            )
        for entry, part in self.parts():
            yield from under(entry.path, part.tensors_at(sizes))

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the network, module by module."""
        return (spec for spec, _ in self.tensors_at((None, None)))

    def to_dict(self) -> dict[str, Any]:
        """The modules as JSON writes them, their arguments complete."""
        modules = [
            {"path": entry.path, "kind": entry.kind, "config": part.to_dict()}
            for entry, part in self.parts()
        ]
        return {"modules": modules}

    def complete(self) -> dict[str, Any]:
        """The same."""
        return self.to_dict()


def order_of(config: Mapping[str, Any], checked: Any) -> list[str] | None:
    """The order of a network's definition, where it is not that of the paths themselves."""
    order = [module["path"] for module in config["modules"]]
    return None if order == [entry.path for entry in checked.modules] else order


def in_order(modules: Mapping[str, T], order: Sequence[str] | None) -> list[T]:
    """What stands at the paths, as the file's `order` has them, or as they come without one.

    Raises `FormatError` for an order of other paths.
    """
    if order is None:
        return list(modules.values())
    if sorted(order) != sorted(modules):
        raise FormatError("the file's `order` must name each of its modules once")
    return [modules[path] for path in order]


def by_module(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with a user's modules told apart, each with its kind and arguments.

    >>> by_module({"modules": [{"path": "a", "kind": "prelu", "config": {"channels": 2}}]})
    {'modules.a': {'kind': 'prelu', 'channels': 2}}
    """
    modules = config.get("modules")
    if not isinstance(modules, list) or not all(map(_is_entry, modules)):
        return dict(config)
    return {f"modules.{each['path']}": {"kind": each["kind"], **each["config"]} for each in modules}
