"""Where modules stand in a network, and others put into their places."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flax import nnx


@dataclass(frozen=True)
class Place:
    """Where a module stands: in an attribute, or in a list, dict or tuple."""

    path: str
    parent: Any
    key: Any
    module: Any

    def put(self, module: nnx.Module) -> None:
        """Let another module stand there."""
        if isinstance(self.parent, nnx.Pytree):
            setattr(self.parent, self.key, module)
        else:
            self.parent[self.key] = module


def places_of(model: nnx.Module, own: tuple[type, ...]) -> Iterator[Place]:
    """Every module at every place; nothing inside the classes of this package, `own`."""
    return _places(Place("", None, None, model), own)


def exchanged(network: Any, own: tuple[type, ...], made: Mapping[int, nnx.Module]) -> Any:
    """A copy of a network in which these modules stand for others, by the identity of those."""
    copy = nnx.clone(network)
    new = {p.path: made[id(p.module)] for p in places_of(network, own) if id(p.module) in made}
    for place in list(places_of(copy, own)):
        if place.path in new and not isinstance(place.parent, tuple):
            place.put(new[place.path])
    return copy


def _places(place: Place, own: tuple[type, ...], above: tuple[Any, ...] = ()) -> Iterator[Place]:
    node = place.module
    if isinstance(node, nnx.Pytree):
        yield place
    if isinstance(node, own) or any(node is each for each in above):
        return
    for key, child in _children(node):
        path = f"{place.path}.{key}" if place.path else str(key)
        yield from _places(Place(path, node, key, child), own, (*above, node))


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
    items: Iterable[tuple[Any, Any]]
    if isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        items = node.items() if isinstance(node, dict) else vars(node).items()
    kinds = (nnx.Pytree, list, tuple, dict)
    return ((key, child) for key, child in items if isinstance(child, kinds))
