"""The parts of a module of the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from conformance.oracle import weights_io

Part = TypeVar("Part")


def parts(module: Any, kind: type[Part]) -> Iterator[Part]:
    """Every part of a kind inside a module, lists of modules included, and the module itself."""
    if isinstance(module, kind):
        yield module
    children = module if isinstance(module, list) else vars(module).values()
    for child in list(children):
        if isinstance(child, list) or type(child).__module__.startswith(weights_io.__package__):
            yield from parts(child, kind)
