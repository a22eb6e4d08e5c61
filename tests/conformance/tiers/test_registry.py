"""The registry of tiers: what commands, vectors and pytest offer comes from it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.pytest_plugin import pytest_configure
from conformance.tiers import PYTEST_TIERS, TIERS, VECTOR_TIERS, OracleTier, make_tiers
from conformance.tiers.base import Memo


def test_vectors_and_pytest_have_the_tiers_that_suit_them() -> None:
    assert VECTOR_TIERS == ("exact", "module", "special", "family", "training")
    assert PYTEST_TIERS == (
        "contract", "exact", "module", "special", "family", "training", "sequence", "weights",
    )  # fmt: skip


def test_every_tier_with_vectors_has_a_reference() -> None:
    assert all(issubclass(TIERS[name], OracleTier) for name in VECTOR_TIERS)


def test_tiers_are_made_anew_in_the_order_of_the_registry() -> None:
    first, second = make_tiers(names=["module", "exact"])
    (again, _) = make_tiers(names=["module", "exact"])

    assert (first.name, second.name) == ("exact", "module")
    assert first is not again


def test_pytest_refuses_an_unknown_tier_and_names_the_known_ones() -> None:
    config: Any = SimpleNamespace(getoption=lambda name: ["exact", "mouse"])

    with pytest.raises(pytest.UsageError, match=r"must be one of contract, exact, .* got mouse"):
        pytest_configure(config)


def test_a_memo_computes_once_for_all_threads_and_keeps_an_exception() -> None:
    calls = []

    def divide(divisor: int) -> float:
        calls.append(divisor)
        return 1 / divisor

    memo = Memo(divide)
    threads = [threading.Thread(target=memo, args=(2,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (memo(2), calls) == (0.5, [2])
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            memo(0)
    assert calls == [2, 0]
