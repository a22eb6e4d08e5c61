"""The report for a browser: whole, self-contained, and safe whatever an implementation says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from conformance import Status, Verdict, Worst
from conformance.judging.compare import compare_arrays
from conformance.reports.html import render
from conformance.reports.page_data import where
from conformance.reports.report import Report, make_report
from conformance.running.results import Run
from conformance.tiers import ExactTier, WeightsTier
from weights.frameworks import Framework

EVIL = "<script>alert('x')</script>"
WORST = Worst((0, 3, 1, 2), 1.5, 1.0, 0.5, 0.25, 2.0)


def verdicts() -> list[Verdict]:
    wanted = np.zeros((1, 4, 5, 6))
    got = wanted.copy()
    got[0, 2, 1:3, 4] = 1
    pattern = compare_arrays(got, wanted, 0.0).pattern
    return [
        Verdict(Status.PASS, 0.25, seconds=0.5, case="a", tier="exact", implementation="mine"),
        Verdict(
            Status.FAIL,
            2.0,
            EVIL,
            WORST,
            "padding",
            pattern,
            seconds=0.5,
            case="b",
            tier="exact",
            implementation="mine",
        ),
        Verdict(
            Status.SKIP, message="no such method", case="c", tier="exact", implementation="mine"
        ),
        Verdict(
            Status.ERROR,
            message="no result within 120 s",
            case="d",
            tier="exact",
            implementation="mine",
        ),
        Verdict(Status.PASS, case="e", tier="weights", implementation="mine"),
    ]


def report(*found: Verdict) -> Report:
    run = Run(list(found or verdicts()), {"mine": {"numpy": "2.4.6"}}, 12.0)
    work = [(ExactTier(), []), (WeightsTier(), [])]
    missing = [Framework("tf", "ghost_tf", ("absent",))]
    return make_report(run, work, missing, command="ghost-conformance run")


@pytest.fixture
def page() -> str:
    return render(report())


def data_of(page: str) -> dict[str, Any]:
    """What the script of the page is given."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(text)


class Tags(HTMLParser):
    """The elements of a page, and those that were never closed."""

    VOID = ("meta", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        keys = ("src", "href", "xlink:href")
        self.links += [str(value) for key, value in attributes if key in keys]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(page: str) -> None:
    tags = Tags()
    tags.feed(page)

    assert tags.open == []
    assert [link for link in tags.links if not link.startswith(("#", "data:"))] == []
    assert "@import" not in page


def test_what_an_implementation_says_is_text(page: str) -> None:
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_a_failure_has_its_element_its_hint_and_the_way_to_run_it_again(page: str) -> None:
    assert page.count("<article") == 2
    assert "padding" in page
    assert "ghost-conformance run --implementation mine --tier exact --case b" in page


def test_every_case_is_a_square(page: str) -> None:
    rows = re.findall(r'data-first="(\d+)">([.FEsk]+)</div>', page)
    found = data_of(page)

    assert rows == [("0", ".FsE"), ("4", ".")]
    assert [found["cases"][row[0]][0] for row in found["verdicts"]] == list("abcde")
    assert "ghost_tf is missing: absent not installed" in page


def test_the_same_report_gives_the_same_page() -> None:
    one = report()

    assert render(one) == render(one)


def test_a_pattern_is_the_share_of_wrong_elements() -> None:
    pattern = verdicts()[1].pattern

    assert pattern is not None
    assert pattern.channels == (0, 0, 0.067, 0)
    assert {value for row in pattern.places for value in row} == {0, 0.25}
    assert where(pattern) == "rows 1 to 2, column 4, channel 2"
