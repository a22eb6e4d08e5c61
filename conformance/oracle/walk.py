"""The parts of a module of the oracle."""

import copy
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


def copied(module: Part) -> Part:
    """A module of the same parts, lists of modules included, whose arrays are the same objects."""
    if isinstance(module, list):
        return type(module)(map(copied, module))
    if not _is_module(module):
        return module
    found = copy.copy(module)
    for name, child in vars(module).items():
        setattr(found, name, copied(child))
    return found


def _is_module(value: Any) -> bool:
    """True of an object of a class of the oracle, or of a subclass from anywhere."""
    return any(base.__module__.startswith(__package__) for base in type(value).__mro__)
