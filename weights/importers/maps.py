"""Maps from the names in a checkpoint to those that an importer knows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files.storage import PathLike, read_toml
from weights.importers.names import LONGEST_NAME, beginnings
from weights.text import brief, listed


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
        return self._applied(name)[1]

    def rename(self, path: PathLike, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return tensors under their new names.

        Raises `ImportRefused` where two get the same, or a rule holds for none.
        """
        renamed: dict[str, np.ndarray] = {}
        origins: dict[str, str] = {}
        unused = {old: None for old, _ in self.rules}
        for name, array in tensors.items():
            rule, new = self._applied(name)
            unused.pop(rule, None)
            if new in renamed:
                raise ImportRefused(
                    f"{path}: the map gives {brief(origins[new])} and {brief(name)} one name, "
                    f"{brief(new)}"
                )
            if new:
                renamed[new], origins[new] = array, name
        if unused:
            rules = listed(brief(old) for old in unused)
            raise ImportRefused(
                f"{path}: no name is for the rules {rules} of the map (the first that matches "
                f"holds), they begin with {beginnings(tensors)}: mend the rules, or take them out"
            )
        return renamed

    def _applied(self, name: str) -> tuple[str, str]:
        """Return the rule that holds for a name, empty where none does, and the new name."""
        for (old, _), (pattern, new) in zip(self.rules, self._patterns, strict=True):
            found = pattern.fullmatch(name) if len(name) <= LONGEST_NAME else None
            if found:
                return old, _filled(new, found.groups())
        return "", name

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """The old names as patterns, each with the new name."""
        return [(_pattern(old), new) for old, new in self.rules]


def _filled(name: str, matched: Iterable[str]) -> str:
    parts = iter(matched)
    return re.sub(r"\*\*?", lambda _: next(parts), name)


def _stars(text: str) -> list[str]:
    return re.findall(r"\*\*?", text)


def _pattern(rule: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*?)", rule)
    kinds = {"*": r"([^.]*)", "**": r"(.*)"}
    return re.compile("".join(kinds.get(part) or re.escape(part) for part in parts))
