"""The parts of an oracle's module, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.oracle import weights_io


def children(module: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Who holds what, under which attribute or index; the module may be changed meanwhile."""
    own = enumerate(module) if isinstance(module, list) else vars(module).items()
    for key, child in list(own):
        if isinstance(child, list) or type(child).__module__.startswith(weights_io.__package__):
            yield module, key, child


def parts(module: Any, kind: type) -> Iterator[Any]:
    """Everything of a kind inside a module, the module itself included."""
    if isinstance(module, kind):
        yield module
    for _, _, child in children(module):
        yield from parts(child, kind)


def replace_parts(module: Any, kind: type, new: Any) -> None:
    """Put `new(part)` where each part of a kind is."""
    for parent, key, child in children(module):
        if not isinstance(child, kind):
            replace_parts(child, kind, new)
        elif isinstance(parent, list):
            parent[key] = new(child)
        else:
            setattr(parent, key, new(child))
