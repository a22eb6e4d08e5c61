"""Several processes of one implementation: the verdicts are the same, in the same order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance import Status, Verdict
from conformance.implementations.errors import ProcessDied
from conformance.implementations.process import ProcessImplementation
from conformance.running.results import Run
from conformance.running.runner import run
from conformance.running.tasks import select_cases
from conformance.tiers import ContractTier, ExactTier

pytestmark = pytest.mark.slow

FAKE = "tests.conformance.fakes:Fake"
RAISES = "tests.conformance.fakes:Raises"


def judged(names: list[str], jobs: int, **options: int) -> tuple[Run, list[Verdict]]:
    """The run, and its verdicts without times."""
    work = select_cases([ContractTier(), ExactTier()], None)
    result = run(names, work, lambda verdict: None, jobs, **options)
    return result, [replace(verdict, seconds=0.0) for verdict in result.verdicts]


def test_verdicts_and_order_do_not_depend_on_jobs() -> None:
    _, one = judged([FAKE, "oracle"], 1)
    _, several = judged([FAKE, "oracle"], 4)

    assert several == one
    assert [verdict.implementation for verdict in one] == sorted(
        (verdict.implementation for verdict in one), key=[FAKE, "oracle"].index
    )


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_ends_at_as_many_failures_whatever_the_jobs(jobs: int) -> None:
    result, verdicts = judged([RAISES], jobs, max_failures=5)

    assert result.was_stopped
    assert sum(verdict.is_bad for verdict in verdicts) == 5


def test_each_process_has_its_own_time_limit() -> None:
    work = select_cases([ExactTier()], None)
    cases = [(tier, cases[:2]) for tier, cases in work]
    result = run(["tests.conformance.fakes:Hangs"], cases, lambda verdict: None, 2, seconds=0.2)

    assert [verdict.message for verdict in result.verdicts] == ["no result within 0.2 s"] * 2


def test_a_further_process_that_cannot_start_leaves_the_work_to_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[ProcessImplementation] = []
    start = ProcessImplementation.start

    def start_once(process: ProcessImplementation) -> None:
        started.append(process)
        if len(started) > 1:
            raise ProcessDied(-9, "out of memory")
        start(process)

    monkeypatch.setattr(ProcessImplementation, "start", start_once)
    _, verdicts = judged([FAKE], 2)

    assert len(started) == 2
    assert {verdict.status for verdict in verdicts if verdict.tier == "exact"} == {Status.PASS}
