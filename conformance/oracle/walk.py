"""The parts of a module of the oracle."""

from collections.abc import Iterator
from typing import Any, TypeVar

Part = TypeVar("Part")


def parts(module: Any, kind: type[Part]) -> Iterator[Part]:
    """Every part of a kind inside a module, lists of modules included, and the module itself."""
    if isinstance(module, kind):
        yield module
    children = module if isinstance(module, list) else vars(module).values()
    for child in list(children):
        if isinstance(child, list) or _is_module(child):
            yield from parts(child, kind)


def _is_module(value: Any) -> bool:
    """True of an object of a class of the oracle, or of a subclass from anywhere."""
    return any(base.__module__.startswith(__package__) for base in type(value).__mro__)
