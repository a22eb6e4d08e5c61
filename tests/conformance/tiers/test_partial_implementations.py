"""What an implementation has not is a skip by its name, and the failure of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from conformance import Status, Verdict
from conformance.implementations.local import LocalImplementation
from conformance.oracle import adapter
from conformance.running.runner import judge
from conformance.tiers import make_tiers

pytestmark = pytest.mark.slow


class Partial:
    """The oracle in float32 with some of its methods, or with a part of what they give."""

    def __init__(self, architecture: str, config: Mapping[str, Any], weights: Any) -> None:
        if any(array.dtype != np.float32 for array in weights.values()):
            raise TypeError("float32 only")
        self.whole = adapter.build(architecture, config, weights)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.whole(x)


class Saves(Partial):
    def save(self, path: str) -> None:
        self.whole.save(path)


class HasState(Partial):
    def state(self) -> Any:
        return self.whole.state()


class TapsLogits(Partial):
    def taps(self, x: np.ndarray) -> Any:
        return {"logits": self.whole.taps(x).get("logits", np.zeros(1))}


class TapsWrongLogits(Partial):
    def taps(self, x: np.ndarray) -> Any:
        return {"logits": 2 * self.whole.taps(x)["logits"]}


class Steps(Partial):
    left_out = "grad_input"

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> Any:
        step = self.whole.train_step(x, output_cotangent)
        return {key: value for key, value in step.items() if key != self.left_out}


class StepsWithoutState(Steps):
    left_out = "state"


class StepsWrongly(Steps):
    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> Any:
        step = super().train_step(x, output_cotangent)
        return step | {"grads": {name: 2 * grad for name, grad in step["grads"].items()}}


NETWORK = "ghost_resnet20-no-own-norm"


def verdicts(build: Callable[..., Any], tier_name: str) -> Iterator[Verdict]:
    (tier,) = make_tiers(names=[tier_name])
    implementation = LocalImplementation("partial", build)
    cases = [case for case in tier.cases() if tier_name != "family" or case.id == NETWORK]
    for case in cases[-1:] if tier_name == "training" else cases:
        yield judge(tier, case, implementation)
    yield from tier.finish({"partial": implementation}, cases)


@pytest.mark.parametrize(
    ("build", "tier", "words"),
    [
        (Partial, "weights", {"it has no method 'state'", "writes no file: it has no method 'save'",
                              "it takes no BF16: TypeError: float32 only",
                              "it takes no F16: TypeError: float32 only",
                              "writes no file: it takes no BF16: TypeError: float32 only",
                              "writes no file: it takes no F16: TypeError: float32 only"}),
        (Partial, "family", {"it has no method 'taps'"}),
        (Partial, "training", {"it has no method 'train_step'"}),
        (Partial, "distributed", {"it has no method 'train_on_replicas'"}),
        (TapsLogits, "family", {"stem: it gives no stem, only logits"}),
        (StepsWithoutState, "training", {"it gives no state"}),
        (Steps, "training", {"grad_input: it gives no grad_input, only output"}),
    ],
)  # fmt: skip
def test_what_is_not_there_is_skipped_by_name(
    build: Callable[..., Any], tier: str, words: set[str]
) -> None:
    found = list(verdicts(build, tier))

    assert {verdict.status for verdict in found} == {Status.SKIP}
    assert all(any(each in verdict.message for each in words) for verdict in found)
    assert all(any(each in verdict.message for verdict in found) for each in words)


def test_a_tensor_of_16_bits_that_is_refused_fails_none_of_32() -> None:
    found = {verdict.case: verdict for verdict in verdicts(HasState, "weights")}

    for case, verdict in found.items():
        if "from" not in case:
            is_float32 = case.endswith("-F32")
            assert verdict.status is (Status.PASS if is_float32 else Status.SKIP), verdict


def test_a_file_that_nobody_loads_is_skipped_after_it_was_written() -> None:
    pairs = [each for each in verdicts(Saves, "weights") if each.case.endswith("F32-from-partial")]

    assert {(each.status, each.message) for each in pairs} == {
        (Status.SKIP, "loads no file: it has no method 'load'")
    }


@pytest.mark.parametrize(
    ("build", "tier", "words"),
    [
        (TapsWrongLogits, "family", "logits: "),
        # Whatever it does wrong is compared with every usual mistake.
        pytest.param(StepsWrongly, "training", "grad of ", marks=pytest.mark.matrix),
    ],
)
def test_what_is_there_is_judged(build: Callable[..., Any], tier: str, words: str) -> None:
    for verdict in verdicts(build, tier):
        assert verdict.status is Status.FAIL
        assert verdict.message.startswith(words)
