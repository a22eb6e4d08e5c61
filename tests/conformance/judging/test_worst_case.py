"""The running error bound holds for the worst that a search finds, and is not far above it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from conformance.judging import bounds
from conformance.oracle.layers import ACTIVATIONS
from tests.conformance.judging.worst_case import FORMS, SUMS, worst

F = np.float32


@pytest.mark.slow
@pytest.mark.parametrize(("form", "total"), [*product(FORMS, SUMS)])
def test_no_correct_arithmetic_that_is_found_exceeds_the_bound(form: str, total: str) -> None:
    assert max(worst(form, total, terms, steps=15) for terms in (1, 4, 25)) < 1


def test_a_sum_that_begins_at_its_constant_comes_close_to_the_bound() -> None:
    assert worst("folded_in_float64", "forwards", terms=72, steps=0) > 0.85


def test_roundings_counted_for_the_sum_alone_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "NORM_ROUNDINGS", 0)

    assert worst("folded", "forwards", terms=1, steps=15) > 1


ACTIVATED = {
    "relu": [lambda x: np.maximum(x, F(0)), lambda x: (x + np.abs(x)) * F(0.5)],
    "relu6": [lambda x: np.clip(x, F(0), F(6))],
    "silu": [
        lambda x: x / (F(1) + np.exp(-x)),
        lambda x: x * (F(1) / (F(1) + np.exp(-x))),
        lambda x: x * (F(0.5) + F(0.5) * np.tanh(F(0.5) * x)),
    ],
    "hard_swish": [
        lambda x: x * np.clip(x + F(3), F(0), F(6)) / F(6),
        lambda x: x * (np.clip(x + F(3), F(0), F(6)) * F(1 / 6)),
        lambda x: x * np.clip(x * F(1 / 6) + F(0.5), F(0), F(1)),
    ],
    "identity": [lambda x: x],
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_rounds_no_more_than_is_counted(name: str) -> None:
    beside = F(1e-6) * np.arange(-50, 50, dtype=F)
    kinks = [F(kink) + beside for kink in (-20, -4, -3, 0, 3, 6)]
    x = np.concatenate([np.linspace(-60, 60, 200_001, dtype=F), *kinks])
    wanted = bounds.activation(ACTIVATIONS[name], bounds.Tracked(x.astype(float), 0.0 * x))
    for computed in ACTIVATED[name]:
        with np.errstate(over="ignore"):
            errors = np.abs(computed(x) - wanted.value)
        assert (errors <= wanted.error).all(), x[np.argmax(errors - wanted.error)]
