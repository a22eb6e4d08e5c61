"""Names in a checkpoint: where modules begin, what stands before them, and what replaces them."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Self

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files.storage import PathLike, read_toml
from weights.text import brief, listed

# What torch.nn.DataParallel, torch.compile and training scripts put before every name.
WRAPPERS = ("module.", "_orig_mod.", "model.", "backbone.")
# A classifier among other layers of a Sequential, and under the name of torchvision's networks.
HEADS = (
    (re.compile(r"(classifier|linear)\.\d+\.(weight|bias)"), r"\1.\2"),
    (re.compile(r"fc\.(weight|bias)"), r"linear.\1"),
)
LONGEST_NAME = 512
# So many parts of a name may stand before a module.
DEEPEST = 24


def strip_wrappers(names: Sequence[str]) -> str:
    """Return the prefix of wrappers that all names share.

    >>> strip_wrappers(["module._orig_mod.bn1.weight", "module._orig_mod.bn1.bias"])
    'module._orig_mod.'
    """
    for wrapper in WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return wrapper + strip_wrappers([name.removeprefix(wrapper) for name in names])
    return ""


def common_prefix(names: Sequence[str], starts: re.Pattern[str]) -> str:
    """Return the shortest prefix of all names after which one is how a module begins.

    Where none is, the wrappers alone.

    >>> common_prefix(["net.ema.conv_stem.weight", "net.ema.bn1.bias"], re.compile("conv_stem"))
    'net.ema.'
    """
    parts = [name.split(".", DEEPEST)[:-1] for name in names]
    shared = [step[0] for step in zip(*parts, strict=False) if len(set(step)) == 1]
    # Parts are shared from the first to the last only as long as all before them are.
    prefix = ""
    for part in ["", *(shared if names else [])]:
        prefix += f"{part}." if part else ""
        if not all(name.startswith(prefix) for name in names):
            break
        if any(starts.match(name, len(prefix)) for name in names):
            return prefix
    return strip_wrappers(names)


def places(names: Iterable[str], starts: re.Pattern[str]) -> list[str]:
    """Return the paths at which modules may begin, a module before those inside it.

    >>> places(["a.ghost1.w", "a.ghost1.ghost1.w", "b.2.ghost1.w"], re.compile("ghost1"))
    ['a', 'a.ghost1', 'b.2']
    """
    found: dict[str, None] = {}
    for name in names:
        parts = name[:LONGEST_NAME].split(".", DEEPEST)
        ends = accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
        for end in ends:
            if starts.match(name, end):
                found[name[:end].removesuffix(".")] = None
    return sorted(found, key=lambda path: path.count(".") + bool(path))


def is_inside(path: str, others: Collection[str]) -> bool:
    """Return whether a path lies inside another one.

    >>> is_inside("a.b.c", {"a.b"}), is_inside("a.bc", {"a.b", "a.bc"}), is_inside("a", {""})
    (True, False, True)
    """
    return any(outer in others for outer in above(path))


def above(path: str) -> Iterator[str]:
    """Yield the paths that a path lies inside, that of the whole network first."""
    if path:
        yield ""
    yield from (path[: match.start()] for match in re.finditer(r"\.", path))


def heads(names: Iterable[str]) -> dict[str, str]:
    """Return the plain names of wrapped classifiers, where they are not taken.

    >>> heads(["conv_stem.weight", "classifier.1.weight"])
    {'classifier.1.weight': 'classifier.weight'}
    """
    taken, renamed = set(names), dict[str, str]()
    for name in taken:
        for pattern, plain in HEADS:
            found = pattern.fullmatch(name)
            if found:
                renamed[name] = found.expand(plain)
    targets = Counter(renamed.values())
    return {
        name: renamed[name]
        for name in sorted(renamed)
        if targets[renamed[name]] == 1 and renamed[name] not in taken
    }


@dataclass(frozen=True)
class NameMap:
    """Rules from names in a file to other names; the first that matches a whole name holds.

    In a rule `*` stands for a part of a name and `**` for any parts; the same stars in the new name
    stand for what they matched, in their order. An empty new name leaves the tensor out.

    >>> names = NameMap((("body.*.**", "blocks.*.0.**"), ("aux.**", "")))
    >>> names.apply("body.3.ghost1.weight"), names.apply("aux.fc.bias"), names.apply("head.weight")
    ('blocks.3.0.ghost1.weight', '', 'head.weight')
    """

    rules: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """Read the table `names` of a TOML file; raises `FormatError` for anything else."""
        found = read_toml(path)
        rules = found.get("names") if list(found) == ["names"] else None
        if not isinstance(rules, Mapping) or not all(isinstance(x, str) for x in rules.values()):
            raise FormatError(
                f'{path} must hold one table, [names], of rules such as "body.*.**" = '
                f'"blocks.*.0.**", got {brief(found)}'
            )
        wrong = [old for old, new in rules.items() if _stars(new) not in ([], _stars(old))]
        if wrong:
            raise FormatError(
                f"{path}: a new name must have the stars of the old one, in their order, got "
                f"{brief(wrong[0])} = {brief(rules[wrong[0]])}"
            )
        return cls(tuple(rules.items()))

    def apply(self, name: str) -> str:
        """Return the new name of a tensor."""
        for pattern, new in self._patterns if len(name) <= LONGEST_NAME else ():
            found = pattern.fullmatch(name)
            if found:
                return _filled(new, found.groups())
        return name

    def rename(self, path: PathLike, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return tensors under their new names.

        Raises `ImportRefused` where two get the same, or the rules change none.
        """
        renamed: dict[str, np.ndarray] = {}
        origins: dict[str, str] = {}
        for name, array in tensors.items():
            new = self.apply(name)
            if new in renamed:
                raise ImportRefused(
                    f"{path}: the map gives {brief(origins[new])} and {brief(name)} one name, "
                    f"{brief(new)}"
                )
            if new:
                renamed[new], origins[new] = array, name
        if self.rules and renamed.keys() == tensors.keys():
            raise ImportRefused(
                f"{path}: the map changes no name, they begin with {_beginnings(tensors)}"
            )
        return renamed

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """The old names as patterns, each with the new name."""
        return [(_pattern(old), new) for old, new in self.rules]


def _beginnings(names: Iterable[str]) -> str:
    return listed(dict.fromkeys(name.partition(".")[0] for name in names))


def _filled(name: str, matched: Iterable[str]) -> str:
    parts = iter(matched)
    return re.sub(r"\*\*?", lambda _: next(parts), name)


def _stars(text: str) -> list[str]:
    return re.findall(r"\*\*?", text)


def _pattern(rule: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*?)", rule)
    kinds = {"*": r"([^.]*)", "**": r"(.*)"}
    return re.compile("".join(kinds.get(part) or re.escape(part) for part in parts))


def inside(
    path: PathLike, tensors: Mapping[str, np.ndarray], module: str
) -> tuple[dict[str, np.ndarray], int]:
    """Return the tensors of the module at a path, bare, and how many others there are.

    Raises `ImportRefused` where there are none.
    """
    start = f"{module}."
    found = {name.removeprefix(start): x for name, x in tensors.items() if name.startswith(start)}
    if not found:
        raise ImportRefused(
            f"{path} has no module at {brief(module)}, its names begin with {_beginnings(tensors)}"
        )
    return found, len(tensors) - len(found)
