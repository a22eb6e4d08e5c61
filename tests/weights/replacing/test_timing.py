"""Medians of two candidates, on a clock that the test moves."""

from __future__ import annotations

import pytest

from weights.replacing.timing import FEWEST, MOST, WARM_UP, Run, medians


class Clock:
    """A clock that only runs move, and the order in which they did."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order = ""

    def __call__(self) -> float:
        return self.now

    def run(self, name: str, *seconds: float) -> Run:
        """A run that takes these times in turn, the last of them from then on."""
        times = list(seconds)

        def run() -> None:
            self.order += name
            self.now += times.pop(0) if len(times) > 1 else times[0]

        return run


def test_one_slow_run_changes_no_median() -> None:
    clock = Clock()
    runs = [clock.run("a", 9, 9, 0.5, 7, 0.5), clock.run("b", 2)]

    assert medians(runs, 60, clock) == [0.5, 2]


def test_candidates_take_turns_once_they_are_warm() -> None:
    clock = Clock()
    medians([clock.run("a", 1), clock.run("b", 1)], 0, clock)

    assert clock.order == "a" * WARM_UP + "b" * WARM_UP + "ab" * FEWEST


@pytest.mark.parametrize(
    ("seconds", "repeats"), [(0, FEWEST), (40, 20), (10_000, MOST)], ids=["few", "timed", "many"]
)
def test_repeats_end_with_the_time(seconds: float, repeats: int) -> None:
    clock = Clock()
    medians([clock.run("a", 1), clock.run("b", 1)], seconds, clock)

    assert clock.order.count("ab") == repeats + 1 - WARM_UP % 2
