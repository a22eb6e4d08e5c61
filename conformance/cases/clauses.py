"""The clauses of the specification, and the cases that hold each.

The specification is the one place that says so: beside a clause stand patterns of TIER/ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# In an installed package, and in a checkout.
PLACES = (PACKAGE / "specification.md", PACKAGE.parent / "docs" / "specification.md")
CLAUSE = re.compile(r"\*\*(\d+\.\d+)\*\* ")
CASES = re.compile(r"^Cases: (.+)$", re.MULTILINE)
TESTS = re.compile(r"^Tests: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Clause:
    """A clause of the specification: its number, its text, and patterns of the cases that hold it.

    `tests` are those of this project that hold what no case can ask of an implementation.

    >>> Clause("4.2", "Its output has ...", ("exact/*-s2-*",)).is_held_by("exact", "k1-s2-p0")
    True
    """

    number: str
    text: str = field(repr=False)
    patterns: tuple[str, ...]
    tests: tuple[str, ...] = ()

    def is_held_by(self, tier: str, case_id: str) -> bool:
        """Whether a case of that tier and id holds it."""
        return any(fnmatchcase(f"{tier}/{case_id}", pattern) for pattern in self.patterns)


@cache
def clauses() -> tuple[Clause, ...]:
    """The clauses of the specification, in its order."""
    place = next(place for place in PLACES if place.is_file())
    return tuple(_parse(place.read_text(encoding="utf-8")))


def clauses_of(tier: str, case_id: str) -> list[str]:
    """The numbers of the clauses that a case holds."""
    return [clause.number for clause in clauses() if clause.is_held_by(tier, case_id)]


def _parse(document: str) -> Iterator[Clause]:
    _, *parts = re.split(r"^(?=\*\*\d)|^(?=## )", document, flags=re.MULTILINE)
    for part in parts:
        if found := CLAUSE.match(part):
            text = TESTS.sub("", CASES.sub("", part[found.end() :])).strip()
            patterns, tests = (
                tuple(re.findall(r"`([^`]+)`", " ".join(kind.findall(part))))
                for kind in (CASES, TESTS)
            )
            yield Clause(found[1], text, patterns, tests)
