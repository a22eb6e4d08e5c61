"""Training stays together, and goes on in another framework as if nothing had happened."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("optax")
pytest.importorskip("keras")

from tests.training.trainers import TRAINERS
from tests.training.trajectories import (
    ADAMW,
    NAMES,
    SGD,
    STEPS,
    Optimizer,
    Oracle,
    Reference,
    Slots,
    data,
    handed_over,
    reference,
    run,
    start,
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    # Keras makes NumPy arrays of TensorFlow's variables in a way that NumPy 2 deprecates.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]
# `python -m tests.training.trajectories` runs every order.
ORDERS = [*((name,) for name in NAMES), *zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True)]
OPTIMIZERS = {"sgd": SGD, "adamw": ADAMW}


@cache
def wanted(name: str) -> Reference:
    return reference(OPTIMIZERS[name])


# `python -m tests.training.trajectories` prints every order for both.
@pytest.mark.parametrize(
    ("order", "name"),
    [
        (NAMES, "adamw"),
        *(pytest.param(order, "adamw", marks=pytest.mark.matrix) for order in ORDERS),
        pytest.param(NAMES, "sgd", marks=pytest.mark.matrix),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_parameters_and_statistics_stay_together_at_every_step(
    order: tuple[str, ...], name: str
) -> None:
    ratios = wanted(name).ratios(handed_over(order, OPTIMIZERS[name]))

    assert len(ratios) == STEPS
    assert max(ratios) <= 1


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (Optimizer("sgd", 0.05, 1e-2, momentum=0.89), "sgd"),
        (Optimizer("adamw", 0.01, 1e-2, eps=1e-7), "adamw"),
    ],
)
def test_another_setting_of_the_optimizer_is_seen(wrong: Optimizer, right: str) -> None:
    ratios = wanted(right).ratios(run(Oracle(start(), wrong, np.float32), list(data())))

    assert max(ratios) > 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_the_optimizers_memory_training_goes_another_way(name: str) -> None:
    batches = list(data())
    first = TRAINERS["torch"](start(), OPTIMIZERS[name])
    found = run(first, batches[:10])
    checkpoint = first.checkpoint()
    checkpoint.slots = Slots()
    found += run(TRAINERS["torch"](checkpoint, OPTIMIZERS[name]), batches[10:])

    ratios = wanted(name).ratios(found)

    assert max(ratios[:10]) <= 1 < max(ratios[10:])
