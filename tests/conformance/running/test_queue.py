"""The queue of tasks: where a thread goes, and whether one more process helps."""

from __future__ import annotations

import pytest

from conformance.running.queue import Queue
from conformance.running.tasks import Task
from conformance.tiers import ExactTier

TIER = ExactTier()


def queue(**counts: int) -> Queue:
    """So many tasks of each, of whom a further process takes ten seconds to start."""
    tasks = [Task(name, TIER, ()) for name, count in counts.items() for _ in range(count)]
    return Queue(tasks, dict.fromkeys(counts, 10.0))


def test_what_nobody_serves_comes_first() -> None:
    tasks = queue(a=1, b=9, c=9)

    assert [tasks.choose() for _ in range(3)] == [("a", True), ("b", True), ("c", True)]


def test_slow_starters_come_first() -> None:
    tasks = Queue([Task(name, TIER, ()) for name in "abc"], {"a": 1.0, "b": 3.0, "c": 2.0})

    assert [tasks.choose() for _ in range(3)] == [("b", True), ("c", True), ("a", True)]


@pytest.mark.parametrize(("seconds", "chosen"), [(10.0, ("b", False)), (1.0, None)])
def test_help_comes_where_it_takes_less_than_the_work_that_is_left(
    seconds: float, chosen: tuple[str, bool] | None
) -> None:
    tasks = queue(a=1, b=9)
    tasks.choose(), tasks.choose()
    for name in ("a", "b"):
        tasks.take(name)
        tasks.add_seconds(name, seconds)

    assert tasks.choose() == chosen


def test_help_goes_where_most_is_left_for_each_process() -> None:
    tasks = queue(a=24, b=30)
    tasks.choose(), tasks.choose()
    for name in ("a", "b"):
        tasks.add_seconds(name, 5.0)

    assert [tasks.choose() for _ in range(3)] == [("b", False), ("a", False), ("b", False)]


def test_tasks_come_in_their_order_and_end() -> None:
    tasks = queue(a=2)

    assert [tasks.take("a") is None for _ in range(3)] == [False, False, True]
    assert tasks.choose() is None
