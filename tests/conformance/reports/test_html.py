"""The report for a browser: whole, self-contained, and safe whatever an implementation says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from conformance import Status, Verdict, Worst
from conformance.judging.compare import compare_arrays
from conformance.reports.html import colour, write_page
from conformance.reports.report import HTML, write_report
from conformance.running.results import Run
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


@pytest.fixture
def page(tmp_path: Path) -> str:
    run = Run(verdicts(), {"mine": {"numpy": "2.4.6"}}, 12.0)
    write_report(tmp_path, run, ["exact", "weights"], [Framework("tf", "ghost_tf", ("absent",))])
    write_page(tmp_path, {"exact": "--full"})
    return (tmp_path / HTML).read_text()


class Tags(HTMLParser):
    """The elements of a page, and those that were never closed."""

    VOID = ("meta", "link", "br", "path", "use")

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


def test_a_failure_has_its_element_picture_and_the_way_to_run_it_again(page: str) -> None:
    assert page.count("<article>") == 2
    assert "at [0, 3, 1, 2]: got 1.5, wanted 1.0" in page
    assert "hint: padding" in page
    assert "5 x 6 positions" in page
    assert "ghost-conformance run --implementation mine --tier exact --case b --full" in page


def test_every_case_is_a_square(page: str) -> None:
    titles = re.findall(r'<i style="background:(#\w+)" title="(\w): (\w+)', page)

    assert [(case, status) for _, case, status in titles] == [
        ("a", "pass"), ("b", "fail"), ("c", "skip"), ("d", "error"), ("e", "pass"),
    ]  # fmt: skip
    assert len({shade for shade, _, _ in titles}) == 5
    assert "ghost_tf is missing: absent not installed" in page


@pytest.mark.parametrize(
    ("smaller", "larger"), [(0.0, 0.05), (0.05, 0.2), (0.2, 0.9), (0.9, 2.0), (2.0, 1e9)]
)
def test_a_colour_tells_how_far_from_the_limit(smaller: float, larger: float) -> None:
    def of(ratio: float) -> str:
        status = Status.PASS if ratio <= 1 else Status.FAIL
        verdict = Verdict(status, ratio, case="a", tier="module", implementation="mine")
        return colour(verdict)

    assert of(smaller) != of(larger)


def test_the_same_run_gives_the_same_page(page: str, tmp_path: Path) -> None:
    write_page(tmp_path, {"exact": "--full"})

    assert (tmp_path / HTML).read_text() == page


def test_a_pattern_is_the_share_of_wrong_elements() -> None:
    pattern = verdicts()[1].pattern

    assert pattern is not None
    assert pattern.channels == (0, 0, 0.067, 0)
    assert {value for row in pattern.places for value in row} == {0, 0.25}
