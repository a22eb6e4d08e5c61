"""The end of a run: what makes it green, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance import Status, Verdict
from conformance.running.results import Run, is_green


def verdict(status: Status, case: str = "a") -> Verdict:
    return Verdict(status, case=case, tier="exact", implementation="mine")


PASS, SKIP = verdict(Status.PASS), verdict(Status.SKIP, "b")
GREEN = Run([PASS, SKIP, verdict(Status.KNOWN, "c")], {"mine": {}}, 1.0)


def test_a_run_whose_cases_pass_is_green() -> None:
    assert is_green(GREEN)


@pytest.mark.parametrize(
    "change",
    [
        {"verdicts": []},
        {"verdicts": [SKIP]},
        {"verdicts": [PASS, SKIP, verdict(Status.SKIP, "c")]},
        {"verdicts": [PASS, verdict(Status.FAIL, "b")]},
        {"verdicts": [PASS, verdict(Status.ERROR, "b")]},
        {"tracebacks": ["ValueError"]},
        {"violations": {"mine": ("it imported the oracle",)}},
    ],
)
def test_a_run_that_shows_less_is_not_green(change: dict[str, Any]) -> None:
    assert not is_green(replace(GREEN, **change))
