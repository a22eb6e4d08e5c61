"""The specification and the cases: each clause names those that hold it, and each holds one."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from conformance.cases.clauses import PLACES, Clause, clauses
from conformance.tiers import Settings, make_tiers

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "specification.md").read_text(encoding="utf-8")
JUDGEMENT = "10."
RUNS = {"default": Settings(), "full": Settings(full=True), "random": Settings(random=50)}


@cache
def cases(settings: Settings) -> list[tuple[str, str]]:
    return [(tier.name, case.id) for tier in make_tiers(settings) for case in tier.cases()]


@pytest.mark.slow
@pytest.mark.parametrize("settings", RUNS.values(), ids=RUNS)
def test_every_case_holds_a_clause_beside_those_on_judgement(settings: Settings) -> None:
    laws = [clause for clause in clauses() if not clause.number.startswith(JUDGEMENT)]
    holdless = [case for case in cases(settings) if not any(c.is_held_by(*case) for c in laws)]

    assert holdless == []


@pytest.mark.parametrize("clause", clauses(), ids=lambda clause: clause.number)
def test_every_pattern_of_a_clause_names_a_case(clause: Clause) -> None:
    known = {"/".join(case) for settings in RUNS.values() for case in cases(settings)}
    stale = [pattern for pattern in clause.patterns if not fnmatch.filter(known, pattern)]

    assert stale == []


def test_a_clause_without_cases_says_so() -> None:
    lines = re.findall(r"^Cases: (.+)$", DOCUMENT, re.MULTILINE)

    assert len(lines) == len(clauses())
    assert lines.count("none") == sum(not clause.patterns for clause in clauses())


def test_every_clause_is_held_by_a_case_or_by_a_test() -> None:
    assert [each.number for each in clauses() if not each.patterns and not each.tests] == []


def test_every_test_that_a_clause_names_is_there() -> None:
    for test in {test for clause in clauses() for test in clause.tests}:
        path, _, name = test.partition("::")
        code = (ROOT / path).read_text(encoding="utf-8")
        assert f"\ndef {name or 'test_'}" in code, test


def test_an_installed_package_has_the_specification_where_it_is_looked_for() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    places = wheel["targets"]["wheel"]["force-include"]
    installed, checkout = PLACES

    assert {ROOT / source: ROOT / goal for source, goal in places.items()} == {checkout: installed}


def test_clauses_are_numbered_in_turn_within_their_sections() -> None:
    numbers = [tuple(map(int, clause.number.split("."))) for clause in clauses()]
    sections = [int(number) for number in re.findall(r"^## (\d+)\.", DOCUMENT, re.MULTILINE)]

    assert list(dict.fromkeys(section for section, _ in numbers)) == sections
    assert sections == list(range(1, len(sections) + 1))
    for _, own in groupby(numbers, key=lambda number: number[0]):
        own_numbers = [number for _, number in own]
        assert own_numbers == list(range(1, len(own_numbers) + 1))


def test_every_reference_is_to_a_clause() -> None:
    known = {clause.number for clause in clauses()}

    assert set(re.findall(r"§(\d+\.\d+)", DOCUMENT)) <= known
