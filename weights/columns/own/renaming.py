"""Paths in a file, and the paths in a network that they stand for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weights.errors import ArgumentError
from weights.tensors import upwards
from weights.text import brief, listed

# From the path of a module in a file to its path in the network; of a mapping, those of all inside.
Rename = Mapping[str, str] | Callable[[str], str]


def renamed(paths: Sequence[str], rename: Rename | None) -> list[str]:
    """The paths in the network of paths in the file.

    >>> renamed(["backbone.stem", "fc"], {"backbone": "features"})
    ['features.stem', 'fc']
    """
    if rename is None:
        return list(paths)
    if callable(rename):
        return [_called(rename, path) for path in paths]
    _check_rename(rename, paths)
    return [moved(path, rename) for path in paths]


def _called(rename: Callable[[str], str], path: str) -> str:
    new = rename(path)
    if not isinstance(new, str):
        raise ArgumentError(f"`rename` must return a path, got {brief(new)} for {path!r}")
    return new


def _check_rename(rename: Any, paths: Sequence[str]) -> None:
    if not isinstance(rename, Mapping) or not all(
        isinstance(part, str) for pair in rename.items() for part in pair
    ):
        raise ArgumentError(
            "`rename` must map paths in the file to paths in the network, or be a function that "
            f"does, got {brief(rename)}"
        )
    known = {above for path in paths for above in upwards(path)}
    idle = [old for old in rename if old not in known]
    if idle:
        raise ArgumentError(
            f"`rename` must name modules of the file, got {listed(map(repr, idle))}, which it has "
            f"not: it has {listed(map(repr, paths))}"
        )


def moved(path: str, rename: Mapping[str, str]) -> str:
    """The path with the longest beginning that `rename` has replaced."""
    old = next((above for above in upwards(path) if above in rename), None)
    if old is None:
        return path
    rest = path[len(old) :].removeprefix(".")
    return ".".join(part for part in (rename[old], rest) if part)
