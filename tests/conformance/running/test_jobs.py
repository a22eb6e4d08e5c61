"""Several processes of one implementation: the verdicts are the same, in the same order."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from unittest.mock import Mock

import pytest

from conformance import Verdict
from conformance.implementations.errors import ProcessDied
from conformance.implementations.implementation import ManagedImplementation
from conformance.implementations.process import ProcessImplementation
from conformance.running.crew import Crew
from conformance.running.results import Run
from conformance.running.runner import run
from conformance.running.tasks import Task, select_cases
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


def test_a_further_process_that_cannot_start_leaves_the_work_to_the_first() -> None:
    refused, judged_by = Event(), []

    def refuse() -> None:
        refused.set()
        raise ProcessDied(-9, "out of memory")

    def judge(task: Task, process: ManagedImplementation) -> None:
        assert refused.wait(60)  # however late the other thread comes
        judged_by.append(process)

    first, further = (Mock(spec=ProcessImplementation, start_seconds=0.0) for _ in range(2))
    further.start.side_effect = refuse
    made = iter([first, further])
    with Crew(["any"], 2, lambda name: next(made)) as crew:
        crew.work([Task("any", ExactTier(), ())] * 3, judge)

    assert judged_by == [first] * 3
