"""Which module of a file goes into which module of a network: by path, never by chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weights.columns.own.flattening import CONVOLUTIONS
from weights.columns.own.leftovers import leftovers
from weights.columns.own.members import Described, named
from weights.columns.own.renaming import Rename, renamed
from weights.columns.partial import check_patterns, matches
from weights.errors import ArgumentError
from weights.tensors import joined
from weights.text import brief

# Kinds whose padding another layer may do before them.
PADDING = (*CONVOLUTIONS, "ghost_conv")
# What to do about an argument that a layer cannot simply be built with.
REMEDIES = {
    "form": ": load a file before `deploy`, and a deployed one into a deployed network",
    "num_classes": ": `from_file` builds the file's module for any `num_classes`",
}


@dataclass(frozen=True)
class Matching:
    """Pairs of (module in the file, module in the network), and what is wrong."""

    pairs: list[tuple[Described, Described]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def matched(
    file: Sequence[Described],
    network: Sequence[Described],
    rename: Rename | None,
    allow_missing: Sequence[str],
    *,
    by_order: bool,
) -> Matching:
    """The pairs of a file and a network, with every disagreement.

    Raises `ArgumentError` for a `rename` or an `allow_missing` that means nothing.
    """
    modules = [*file, *network]
    check_patterns(
        allow_missing, [joined(each.path, name) for each in modules for name in each.shapes]
    )
    file, network = (
        _needed(file, network, allow_missing),
        _needed(network, file, allow_missing),
    )
    if by_order:
        return _in_order(file, network, rename)
    found = Matching()
    places = _by_path(network)
    taken: dict[int, Described] = {}
    left = []
    for each, path in zip(file, renamed([each.path for each in file], rename), strict=True):
        here = places.get(path)
        if here is None:
            left.append(each)
        elif id(here) in taken:
            found.problems.append(f"{taken[id(here)]} and {each} both go to {named(here.path)}")
        else:
            taken[id(here)] = each
            found.pairs.append((each, here))
    _check_pairs(found)
    free = [each for each in network if id(each) not in taken]
    found.problems.extend(leftovers(left, free, [each.path for each, _ in found.pairs]))
    return found


def _in_order(
    file: Sequence[Described], network: Sequence[Described], rename: Rename | None
) -> Matching:
    if rename is not None:
        raise ArgumentError("`rename` and `by_order` exclude each other: give one of them")
    found = Matching(list(zip(file, network, strict=False)))
    if len(file) != len(network):
        found.problems.append(f"the file has {len(file)} modules, the network {len(network)}")
    _check_pairs(found)
    return found


def _check_pairs(found: Matching) -> None:
    for there, here in found.pairs:
        if there.kind != here.kind:
            found.problems.append(
                f"{_both(there, here)} is a {there.kind} in the file and a "
                f"{here.kind} in the network"
            )
            continue
        for key in sorted({*there.config, *here.config} - {"flattened"}):
            old, new = there.config.get(key), here.config.get(key)
            if old == new:
                continue
            text = f"{_both(there, here)}: `{key}` is {brief(old)} in the file and {brief(new)} in "
            # What a layer beside it may pad, or cut off, in its place.
            may_pad = there.kind in PADDING and key == "padding"
            if may_pad and not (_pads(old) and _pads(new)):
                found.notes.append(f"{text}the network: right where another layer does it")
            else:
                found.problems.append(f"{text}the network{REMEDIES.get(key, '')}")


def _pads(padding: Any) -> bool:
    """Whether there is padding at all."""
    if isinstance(padding, (list, tuple)):
        return any(map(_pads, padding))
    return padding != 0


def _both(there: Described, here: Described) -> str:
    paths = [named(path) for path in (there.path, here.path)]
    return paths[0] if there.path == here.path else " -> ".join(paths)


def _needed(
    modules: Sequence[Described], others: Sequence[Described], patterns: Sequence[str]
) -> list[Described]:
    """The modules but for those that may have no counterpart, and have none among the others."""
    places = _by_path(others)

    def is_needed(each: Described) -> bool:
        names = (joined(each.path, name) for name in each.shapes)
        if not all(matches(name, patterns) for name in names):
            return True
        twins = (places[path] for path in each.paths if path in places)
        return any(each.is_like(twin) for twin in twins)

    return [each for each in modules if is_needed(each)]


def _by_path(modules: Sequence[Described]) -> dict[str, Described]:
    return {path: each for each in modules for path in each.paths}
