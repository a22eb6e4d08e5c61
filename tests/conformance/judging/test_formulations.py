"""The formulations of batch normalisation: the same steps as the oracle's, within the rule."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.cases.model import step_inputs
from conformance.faults.changes import become
from conformance.judging.formulations import ClosedForm, OnePass
from conformance.judging.steps import flatten_step
from conformance.oracle import weights_io
from conformance.oracle.training import train_step
from conformance.oracle.weighted import BatchNorm
from conformance.tiers import TrainingTier
from tests.shares import some_quick

TIER = TrainingTier()
CASES = {case.id: case for case in TIER.cases() if case.architecture == "ghost_conv"}
OFFSET = [name for name in CASES if name.endswith("offset")]


def step(name: str, dtype: type, kind: type) -> dict[str, np.ndarray]:
    model, x, cotangent = step_inputs(CASES[name])
    module = weights_io.build(*model.astype(dtype))
    become(BatchNorm, kind)(module)
    return flatten_step(train_step(module, x.astype(dtype), cotangent.astype(dtype)))


@pytest.mark.parametrize("kind", [ClosedForm, OnePass])
@pytest.mark.parametrize("name", some_quick((name for name in CASES if name.startswith("k")), 4))
def test_each_gives_the_same_step_in_float64(name: str, kind: type) -> None:
    own, other = (step(name, np.float64, each) for each in (BatchNorm, kind))

    for key, array in own.items():
        np.testing.assert_allclose(
            other[key], array, rtol=0, atol=1e-7 * np.abs(array).max() + 1e-9
        )


@pytest.mark.parametrize("kind", [ClosedForm, OnePass])
@pytest.mark.parametrize("name", some_quick(OFFSET, 1))
def test_each_in_float32_is_within_the_rule_for_data_far_from_0(name: str, kind: type) -> None:
    wanted = TIER.reference(CASES[name])

    for key, array in step(name, np.float32, kind).items():
        assert np.abs(array - wanted.values[key]).max() <= wanted.allowed[key], key
