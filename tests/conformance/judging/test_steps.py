"""Training steps: a wrong one is failed by the array that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conformance import Status
from conformance.cases import tensors
from conformance.cases.model import make_model, output_cotangent
from conformance.judging.steps import judge_step, reference_step
from conformance.oracle import adapter
from conformance.tiers import TrainingTier

CASE = TrainingTier().cases()[1]
GRAD = "cheap_conv.1.weight"


@pytest.fixture(scope="module")
def wanted() -> Any:
    model, x = make_model(CASE)
    return reference_step(model, x, _cotangent(x))


@pytest.fixture
def step() -> Any:
    """The step of the oracle in float32."""
    weights, x = tensors.make(CASE)
    return adapter.build(CASE.architecture, CASE.config, weights).train_step(x, _cotangent(x))


def _cotangent(x: np.ndarray) -> np.ndarray:
    return output_cotangent(CASE.architecture, CASE.config, x, CASE.seed)


def test_the_oracle_in_float32_passes(step: Any, wanted: Any) -> None:
    outcome = judge_step(step, wanted)

    assert outcome.status is Status.PASS
    assert 0 < outcome.ratio < 1


def scale(part: str, name: str, factor: float) -> Callable[[Any], None]:
    def change(step: Any) -> None:
        step[part][name] = step[part][name] * np.float32(factor)

    return change


WRONG: dict[str, tuple[Callable[[Any], None], str]] = {
    "output": (lambda step: step.update(output=step["output"] * 1.0001), "output: "),
    "input": (lambda step: step.update(grad_input=-step["grad_input"]), "grad_input: "),
    "gradient": (scale("grads", GRAD, 1.0001), f"grad of {GRAD}: "),
    "mean over the batch": (scale("grads", GRAD, 0.5), f"grad of {GRAD}: "),
    "biased variance": (
        scale("state", "primary_conv.1.running_var", 0.99),
        "state primary_conv.1.running_var: ",
    ),
    "shape": (
        lambda step: step["grads"].update({GRAD: step["grads"][GRAD][:1]}),
        f"grad of {GRAD}: the output has shape (1,)",
    ),
    "unknown": (lambda step: step["state"].update(x=np.zeros(1)), "has ['state x'] besides"),
    "misnamed": (
        lambda step: step["grads"].update(gamma=step["grads"].pop(GRAD)),
        f"has ['grad of gamma'] besides, lacks ['grad of {GRAD}']",
    ),
    "beside a missing part": (
        lambda step: step.update(grad_input=-step.pop("grad_input"), state={}),
        "grad_input: ",
    ),
    "no mapping": (lambda step: step.update(grads=[]), "grads must map names to arrays"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_step_is_failed_by_name(name: str, step: Any, wanted: Any) -> None:
    change, message = WRONG[name]
    change(step)

    outcome = judge_step(step, wanted)

    assert outcome.status is Status.FAIL
    assert message in outcome.message


MISSING: dict[str, tuple[Callable[[Any], Any], str]] = {
    "gradient": (lambda step: step["grads"].pop(GRAD), f"it gives no grad of {GRAD}, only output"),
    "input": (lambda step: step.pop("grad_input"), "it gives no grad_input, only output"),
    "gradients": (lambda step: step.pop("grads"), "it gives no grad of primary_conv.0.weight"),
    "state": (lambda step: step.pop("state"), "it gives no state primary_conv.1.running_mean"),
    "everything": (lambda step: step.clear(), "it gives no output, only nothing"),
}


@pytest.mark.parametrize("name", MISSING)
def test_an_array_that_is_not_there_is_a_skip_by_name(name: str, step: Any, wanted: Any) -> None:
    change, message = MISSING[name]
    change(step)

    outcome = judge_step(step, wanted)

    assert outcome.status is Status.SKIP
    assert message in outcome.message
