"""The figures of README.md that runs produce are written by a command, in their places."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.readme import (
    README,
    TOLERANCES,
    proof,
    with_handovers,
    with_images,
    with_proof,
    with_selftest,
    with_sensitivity,
)
from conformance import Status, Verdict

TEXT = README.read_text()
SELFTEST: dict[str, Any] = {
    "mutants": [{"name": "flipped", "caught_by": "a-case"}] * 7,
    "variants": [{"name": "folded", "cases": 1234, "false_alarms": []}] * 2,
}


def verdict(name: str, tier: str, status: Status, ratio: float | None) -> Verdict:
    return Verdict(status, ratio, case="a case", tier=tier, implementation=name)


def test_a_cell_tells_the_cases_that_passed_and_the_worst_ratio() -> None:
    verdicts = [
        verdict("a", "module", Status.PASS, 0.25),
        verdict("a", "module", Status.FAIL, 3.0),
        verdict("b", "module", Status.PASS, 0.5),
        verdict("b", "contract", Status.PASS, None),
    ]

    assert proof(verdicts) == {"module": ["1/2 3.00", "1/1 0.50"], "contract": ["0/0", "1/1"]}


def test_the_table_is_written_in_its_place() -> None:
    changed = with_proof(TEXT, {"exact": ["1/2 0.10", "3/3 0.00", "4/4 0.00"]})

    assert (
        "| `exact`: whole numbers, and the right ones | 1/2 0.10 | 3/3 0.00 | 4/4 0.00 |" in changed
    )
    assert len(changed.splitlines()) == len(TEXT.splitlines())


def test_a_tier_without_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="no text of the form"):
        with_proof(TEXT, {"unheard": ["1/1"]})


def test_the_images_are_written_where_all_networks_agree() -> None:
    changed = with_images(TEXT, "a: 449 of 451 images right\nb: 449 of 451 images right")

    assert "the 451 held-out images with the same answers everywhere: 449 right" in changed


def test_images_on_which_networks_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="as many images right"):
        with_images(TEXT, "a: 449 of 450 images right\nb: 448 of 450 images right")


def test_the_counts_of_the_selftest_are_written_in_their_places() -> None:
    changed = with_selftest(TEXT, SELFTEST)

    assert re.search(r"7 deliberate defects.*2 correct variants.*in 2,468 cases", changed)


@pytest.mark.parametrize(
    "change",
    [
        {"mutants": [{"name": "flipped", "caught_by": None}]},
        {"variants": [{"name": "folded", "cases": 1, "false_alarms": [{}]}]},
    ],
)
def test_a_selftest_that_is_not_green_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be green"):
        with_selftest(TEXT, SELFTEST | change)


def test_the_worst_handover_is_written_in_its_place() -> None:
    assert "stay within 0.77 of what" in with_handovers(TEXT, "0.12  0.77\n0.5  0.31")


def test_the_table_of_the_smallest_errors_is_written_in_its_place() -> None:
    text = TOLERANCES.read_text()
    table = "| tier | tensor | smallest error seen |\n| --- | --- | --- |\n| `exact` | x | 1 |\n"
    changed = with_sensitivity(text, table)

    assert table in changed
    assert "| `training` |" not in changed.partition(table)[2]
