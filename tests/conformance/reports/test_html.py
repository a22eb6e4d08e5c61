"""The report for a browser: whole, self-contained, and safe whatever an implementation says."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from conformance import Status, Verdict, Worst
from conformance.commands.cli import main
from conformance.judging.compare import compare_arrays
from conformance.judging.verdict import Pattern
from conformance.reports.html import render
from conformance.reports.page_data import where
from conformance.reports.programs import program
from conformance.reports.report import LINES, Report, make_report, read_report, write_lines
from conformance.running.results import Run
from conformance.tiers import ExactTier, WeightsTier

ROOT = Path(__file__).parents[3]
CASE = "k3-s1-p1-r2-dw3-c3x16-9x7-n2-integers"
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
    missing = {"ghost_tf": "absent not installed"}
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


@pytest.mark.slow
def test_the_same_report_gives_the_same_page(tmp_path: Path) -> None:
    tier = ExactTier()
    cases = tier.cases()[:40]
    bad = [
        replace(verdicts()[1], case=case.id, hint=f"{hint}; all")
        for case, hint in zip(cases, ["padding", "rows", "scale", ""] * 10, strict=True)
    ]
    path = tmp_path / LINES
    write_lines(path, make_report(Run([*verdicts(), *bad], {"mine": {}}, 12.0), [(tier, cases)]))
    one = read_report(path)

    assert render(one) == render(one) == rendered_elsewhere(path)


def rendered_elsewhere(path: Path) -> str:
    """The page of a report, rendered by another process, whose sets have another order."""
    text = (
        "import pathlib, sys; from conformance.reports import html, report; "
        "page = html.render(report.read_report(pathlib.Path(sys.argv[1]))); "
        "sys.stdout.buffer.write(page.encode())"
    )
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    command = [sys.executable, "-c", text, str(path)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def test_a_pattern_is_the_share_of_wrong_elements() -> None:
    pattern = verdicts()[1].pattern

    assert pattern is not None
    assert pattern.channels == (0, 0, 0.067, 0)
    assert {value for row in pattern.places for value in row} == {0, 0.25}
    assert where(pattern) == "rows 1 to 2, column 4, channel 2"


def test_the_page_allows_its_own_script_and_style_and_no_other(page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    hashes = [
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", page, re.DOTALL)
    ]

    assert policy.startswith("default-src 'none'; style-src ")
    assert [f"'{each}'" in html.unescape(policy) for each in hashes] == [True, True]
    assert not re.search(r"<[^>]* (?:on\w+|style)=", page)


@pytest.mark.parametrize("text", [EVIL, "</script><img src=x>", "<!--<script>", "&lt;", "'\"`\\"])
def test_no_text_leaves_its_place(text: str) -> None:
    evil = replace(verdicts()[1], message=text, hint=text, case=text, implementation=text)
    page = render(report(evil, evil))
    tags = Tags()
    tags.feed(page)

    assert tags.open == []
    assert page.count("<script") == 2
    assert page.count("<img") == 0
    assert text in data_of(page)["texts"]


@pytest.mark.slow
def test_a_page_of_a_run_that_fails_whole_is_small() -> None:
    ways = np.random.Generator(np.random.PCG64(1))
    patterns = [
        Pattern(tuple(map(tuple, ways.random((64, 64)).tolist())), tuple(ways.random(64).tolist()))
        for _ in range(100)
    ]
    bad = [
        replace(
            verdicts()[1], case=f"k3-s1-p1-r2-dw3-c512x512-112x112-n8-{number}", pattern=pattern,
            message=f"{number} " * 800, hint=f"{number} " * 800, implementation=f"mine{number % 3}",
        )
        for number, pattern in enumerate(patterns * 30)
    ]  # fmt: skip

    assert len(render(report(*bad))) < 2_000_000


@pytest.mark.slow
def test_the_program_of_a_shrunk_case_shows_the_difference(tmp_path: Path) -> None:
    name = "tests.conformance.wrong:asymmetric_padding"
    place = ["--implementation", name, "--tier", "exact", "--case", CASE]
    result = CliRunner().invoke(main, ["run", *place, "--report", str(tmp_path)])
    (small,) = read_report(tmp_path / "report.jsonl").smallest.values()
    text = program(small, name)
    same = "print((build(*m)(x) == adapter.build(*m)(x)).all())"
    command = [sys.executable, "-c", f"{text}\n{same}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert result.exit_code == 1
    assert (small.config["c_in"], small.input_shape) == (1, (1, 1, 1, 1))
    assert len(text.splitlines()) == 5
    assert text.splitlines()[3] in html.unescape((tmp_path / "report.html").read_text())
    assert done.stdout.splitlines()[-1] == "False"
