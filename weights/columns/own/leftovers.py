"""Modules of a file and of a network without a counterpart, each beside its likely partner."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from weights.columns.own.members import Described, named
from weights.tensors import upwards

# Modules without a counterpart up to which likely partners are looked for.
MOST_PARTNERS = 200


def leftovers(
    there: Sequence[Described], here: Sequence[Described], paired: Collection[str]
) -> Iterator[str]:
    """A problem for everything that the file or the network has alone.

    `paired` are the paths in the file of what has a counterpart.
    """
    partners = _partners(there, here)
    common = _common({path: partner.path for path, partner in partners.items()}, paired)
    for each in there:
        hint = _hint(each, partners[each.path], common) if each.path in partners else ""
        yield f"only in the file: {each}{hint}"
    likely = {partner.path: path for path, partner in partners.items()}
    for each in here:
        hint = f"; likely {named(likely[each.path])} of the file" if each.path in likely else ""
        yield f"only in the network: {each}{hint}"


def _partners(there: Sequence[Described], here: Sequence[Described]) -> dict[str, Described]:
    """For what the file alone has, the module of the same kind and shapes with the nearest name."""
    partners: dict[str, Described] = {}
    free = list(here)
    for each in there[:MOST_PARTNERS]:
        fitting = [other for other in free[:MOST_PARTNERS] if each.is_like(other)]
        if fitting:
            partners[each.path] = max(fitting, key=lambda other: _likeness(each.path, other.path))
            free.remove(partners[each.path])
    return partners


def _hint(each: Described, partner: Described, common: Mapping[str, str] | None) -> str:
    if each.path == partner.path:
        return f"; likely {partner}, from which `rename` takes it away"
    return f"; likely {partner}: rename={common or {each.path: partner.path}}"


def _common(paths: Mapping[str, str], paired: Collection[str]) -> dict[str, str] | None:
    """The one renaming that puts all those paths right, and moves nothing that is paired."""
    pairs = {_beginnings(old, new) for old, new in paths.items()}
    if len(paths) < 2 or len(pairs) > 1:
        return None
    old, new = pairs.pop()
    moves_paired = any(old in upwards(path) for path in paired)
    return None if moves_paired else {old: new}


def _beginnings(old: str, new: str) -> tuple[str, str]:
    """What comes before the names in which two paths end alike."""
    left, right = old.split("."), new.split(".")
    while left and right and left[-1] == right[-1]:
        left.pop()
        right.pop()
    return ".".join(left), ".".join(right)


def _likeness(a: str, b: str) -> float:
    """How alike two paths are: their last names first."""
    last = a.rpartition(".")[2] == b.rpartition(".")[2]
    return last + SequenceMatcher(None, a, b, autojunk=False).ratio()
