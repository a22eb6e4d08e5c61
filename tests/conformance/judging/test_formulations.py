"""The closed form of batch normalisation's backward pass: the derivative that the oracle takes."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.judging.closed_form import use_closed_form
from conformance.judging.steps import flatten_step
from conformance.oracle import weights_io
from conformance.oracle.training import train_step
from conformance.tiers import TrainingTier
from conformance.tiers.training import step_inputs

TIER = TrainingTier()
CASES = {case.id: case for case in TIER.cases() if case.architecture == "ghost_conv"}
OFFSET = [name for name in CASES if name.endswith("offset")]


def step(name: str, dtype: type, *, closed: bool) -> dict[str, np.ndarray]:
    model, x, cotangent = step_inputs(CASES[name])
    module = weights_io.build(*model.astype(dtype))
    if closed:
        use_closed_form(module)
    return flatten_step(train_step(module, x.astype(dtype), cotangent.astype(dtype)))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("k")])
def test_both_give_the_same_step_in_float64(name: str) -> None:
    own, closed = (step(name, np.float64, closed=closed) for closed in (False, True))

    for key, array in own.items():
        np.testing.assert_allclose(
            closed[key], array, rtol=0, atol=1e-7 * np.abs(array).max() + 1e-9
        )


@pytest.mark.parametrize("name", OFFSET)
def test_the_closed_form_in_float32_is_within_the_rule_for_data_far_from_0(name: str) -> None:
    wanted = TIER.reference(CASES[name])

    for key, array in step(name, np.float32, closed=True).items():
        assert np.abs(array - wanted.values[key]).max() <= wanted.allowed[key], key
