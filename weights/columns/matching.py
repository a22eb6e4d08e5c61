"""Which module of a file goes into which module of a network: by path, never by chance."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from weights.columns.members import CONVOLUTIONS, Described
from weights.columns.partial import check_patterns, matches
from weights.errors import ArgumentError
from weights.tensors import joined
from weights.text import brief, listed

# From the path of a module in a file to its path in the network; of a mapping, those of all inside.
Rename = Mapping[str, str] | Callable[[str], str]
# Modules without a counterpart up to which likely partners are looked for.
MOST_PARTNERS = 200
WHOLE = "(the whole)"
# What to do about an argument that a layer cannot simply be built with.
REMEDIES = {
    "form": ": load a file before `deploy`, and a deployed one into a deployed network",
    "num_classes": ": `from_file` builds the file's module for any `num_classes`",
}


@dataclass(frozen=True, repr=False)
class LoadReport:
    """The modules that were loaded, (path in the file, path in the network), and notes on them.

    >>> LoadReport((("backbone.stem", "stem"), ("fc", "fc")))
    2 modules loaded
      backbone.stem -> stem
      fc
    """

    pairs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.pairs)
        lines = [here if here == there else f"{there} -> {here}" for there, here in self.shown]
        lines += [f"note: {each}" for each in self.notes]
        return "\n  ".join([f"{count} module{'s' * (count != 1)} loaded", *lines])

    __repr__ = __str__

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The pairs, with words for the network itself."""
        return [(there or WHOLE, here or WHOLE) for there, here in self.pairs]


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
            found.problems.append(f"{taken[id(here)]} and {each} both go to '{here.path}'")
        else:
            taken[id(here)] = each
            found.pairs.append((each, here))
    _check_pairs(found)
    _leftovers(found, left, [each for each in network if id(each) not in taken])
    return found


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
    known = {above for path in paths for above in _upwards(path)}
    idle = [old for old in rename if old not in known]
    if idle:
        raise ArgumentError(
            f"`rename` must name modules of the file, got {listed(map(repr, idle))}, which it has "
            f"not: it has {listed(map(repr, paths))}"
        )


def moved(path: str, rename: Mapping[str, str]) -> str:
    """The path with the longest beginning that `rename` has replaced."""
    old = next((above for above in _upwards(path) if above in rename), None)
    if old is None:
        return path
    rest = path[len(old) :].removeprefix(".")
    return ".".join(part for part in (rename[old], rest) if part)


def _upwards(path: str) -> Iterator[str]:
    """The path, and the paths that it is inside of, up to that of the whole."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield path


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
            may_pad = there.kind in CONVOLUTIONS and key == "padding"
            if may_pad and not (_pads(old) and _pads(new)):
                found.notes.append(f"{text}the network: right where another layer does it")
            else:
                found.problems.append(f"{text}the network{REMEDIES.get(key, '')}")


def _pads(padding: Any) -> bool:
    """Whether there is padding at all."""
    return isinstance(padding, str) or any(side for sides in padding for side in sides)


def _both(there: Described, here: Described) -> str:
    paths = [f"'{path}'" if path else WHOLE for path in (there.path, here.path)]
    return paths[0] if there.path == here.path else " -> ".join(paths)


def _leftovers(found: Matching, there: Sequence[Described], here: Sequence[Described]) -> None:
    """Add what has no counterpart, each beside its likely partner."""
    partners = _partners(there, here)
    common = _common({path: partner.path for path, partner in partners.items()}, found)
    for each in there:
        hint = _hint(each, partners[each.path], common) if each.path in partners else ""
        found.problems.append(f"only in the file: {each}{hint}")
    likely = {partner.path: path for path, partner in partners.items()}
    for each in here:
        hint = f"; likely '{likely[each.path]}' of the file" if each.path in likely else ""
        found.problems.append(f"only in the network: {each}{hint}")


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


def _common(paths: Mapping[str, str], found: Matching) -> dict[str, str] | None:
    """The one renaming that puts all those paths right, and moves nothing that is paired."""
    pairs = {_beginnings(old, new) for old, new in paths.items()}
    if len(paths) < 2 or len(pairs) > 1:
        return None
    old, new = pairs.pop()
    moves_paired = any(old in _upwards(each.path) for each, _ in found.pairs)
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
