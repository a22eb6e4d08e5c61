"""The closed form of the backward pass of batch normalisation: the same step, and no failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import Status
from conformance.cases.case import Case
from conformance.gradients.tape import Variable
from conformance.judging.closed_form import in_closed_form
from conformance.judging.steps import flatten_step, judge_step, reference_step
from conformance.oracle import weights_io
from conformance.oracle.training import train_step
from conformance.tiers import Settings, TrainingTier
from conformance.tiers.training import step_inputs

CASES = {case.id: case for case in TrainingTier(Settings(full=True)).cases()}
BIAS = CASES["ghost_conv-bias"]
FAR = next(case for case in CASES.values() if case.data == "offset" and "bias" in case.id)


def step(case: Case, dtype: Any, *, closed: bool) -> dict[str, Any]:
    """A step of the oracle in that type, in closed form or as the oracle is."""
    model, x, cotangent = step_inputs(case)
    module = weights_io.build(*model.astype(dtype))
    module = in_closed_form(module) if closed else module
    return train_step(module, x.astype(dtype), cotangent.astype(dtype), Variable)


def test_both_forms_are_one_step_in_float64() -> None:
    own, closed = (flatten_step(step(BIAS, np.float64, closed=each)) for each in (False, True))

    for name, array in own.items():
        np.testing.assert_allclose(closed[name], array, rtol=1e-9, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("case", [BIAS, FAR], ids=lambda case: case.id)
def test_a_closed_form_in_float32_passes(case: Case) -> None:
    outcome = judge_step(step(case, np.float32, closed=True), reference_step(*step_inputs(case)))

    assert outcome.status is Status.PASS
    assert outcome.ratio < 1
