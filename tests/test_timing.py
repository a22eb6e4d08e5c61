"""What fails by its time does so by the work that it is, whatever processor does it."""

from __future__ import annotations

import time

import pytest

from tests import timing
from tests.timing import assert_soon, soon

LIMIT = 0.005


def work(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def test_a_call_that_works_longer_fails_on_any_processor() -> None:
    with pytest.raises(AssertionError, match="are allowed"), soon(LIMIT):
        work(1.1 * LIMIT * timing.SLOWEST)


def test_a_call_that_waits_for_others_is_as_soon_as_ever() -> None:
    with soon(LIMIT):
        time.sleep(2 * LIMIT)


def test_a_slower_processor_may_take_as_much_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_round", lambda: 3 * timing.ROUND)

    assert_soon(2.9, 1.0)
    with pytest.raises(AssertionError, match=r"took 3\.10 s where 3\.00 are allowed"):
        assert_soon(3.1, 1.0)
