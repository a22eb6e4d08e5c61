"""The tests of `pytest --pyargs conformance` for each --ghost-implementation."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.cases.case import Case
from conformance.judging.verdict import Status
from conformance.reports.terminal import describe
from conformance.running.runner import judge
from conformance.tiers import Tier


def test_case(conformance_process: Any, conformance_case: tuple[Tier, Case]) -> None:
    """One case: passed, failed with the element and the way to run it again, or skipped."""
    tier, case = conformance_case
    verdict = judge(tier, case, conformance_process)
    if conformance_process.remarks:
        remarks = ", ".join(conformance_process.remarks)
        pytest.fail(f"{conformance_process.name}: {remarks}", pytrace=False)
    if verdict.status is Status.SKIP:
        pytest.skip(verdict.message)
    if verdict.is_bad:
        pytest.fail(str(describe(verdict)), pytrace=False)
