"""The tests of `pytest --pyargs conformance` for each --ghost-implementation."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.cases.case import Case
from conformance.judging.verdict import Status
from conformance.reports.summary import rerun_command
from conformance.reports.terminal import failure_text
from conformance.running.runner import judge
from conformance.tiers import Tier


def test_case(conformance_process: Any, conformance_case: tuple[Tier, Case]) -> None:
    """One case: passed, failed with the element and the command that reruns it, or skipped."""
    tier, case = conformance_case
    verdict = judge(tier, case, conformance_process)
    if conformance_process.violations:
        violations = ", ".join(conformance_process.violations)
        pytest.fail(f"{conformance_process.name}: {violations}", pytrace=False)
    if verdict.status is Status.SKIP:
        pytest.skip(verdict.message)
    if verdict.is_bad:
        pytest.fail(str(failure_text(verdict, command=rerun_command(verdict))), pytrace=False)
