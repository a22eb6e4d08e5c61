"""The modules of a user's network that hold tensors, each told as a file tells it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.columns.own.loaded import WHOLE
from weights.columns.places import Layer
from weights.modules.configuration import Configuration
from weights.networks.custom import in_order
from weights.tensors import TensorSpec, joined


def named(path: str) -> str:
    """A path as messages have it, or words for the network itself."""
    return f"'{path}'" if path else WHOLE


@dataclass(frozen=True)
class Described:
    """A module of a file or of a network: its paths, the first of which names it, and the rest."""

    paths: tuple[str, ...]
    kind: str
    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def path(self) -> str:
        """The first of its paths."""
        return self.paths[0]

    def __str__(self) -> str:
        return f"{named(self.path)} ({self.kind})"

    def is_like(self, other: "Described") -> bool:
        """Whether both are of one kind, and have tensors of the same shapes."""
        return self.kind == other.kind and self.shapes == other.shapes


@dataclass(frozen=True)
class Slot:
    """A tensor of a module: its spec, its variables, and the way to and from their values."""

    spec: TensorSpec
    variables: tuple[Any, ...]
    read: Callable[[], np.ndarray]
    values: Callable[[np.ndarray], Iterable[Any]]


@dataclass(frozen=True)
class Member:
    """A module of a network: what a file says of it, and where its tensors stand.

    `layer` is what an ordinary layer is told by.
    """

    described: Described
    slots: tuple[Slot, ...]
    layer: Layer | None = None
    named: bool = True

    @property
    def tensors(self) -> Iterator[tuple[str, Slot]]:
        """The tensors by their names in the network."""
        return ((joined(self.described.path, slot.spec.name), slot) for slot in self.slots)


def sharing(members: Iterable[Member]) -> Iterator[str]:
    """A problem for every variable that several modules have."""
    users: dict[int, list[str]] = defaultdict(list)
    for member in members:
        for name, slot in member.tensors:
            for variable in slot.variables:
                users[id(variable)].append(name)
    for names in users.values():
        if len(names) > 1:
            yield f"{' and '.join(map(repr, names))} are one variable: give each its own"


def described(path: str, kind: str, config: Configuration) -> Described:
    """The module of that configuration at a path."""
    shapes = {spec.name: spec.shape for spec in config.tensors()}
    return Described((path,), kind, config.to_dict(), shapes)


def described_parts(config: Any, order: Sequence[str] | None) -> list[Described]:
    """The modules of the configuration of a user's network, in the order of its definition."""
    modules = {e.path: described(e.path, e.kind, part) for e, part in config.parts()}
    return in_order(modules, order)
