"""Compiled, exported, stacked, one by one, in the other order of axes: the same numbers."""

from __future__ import annotations

import importlib

import pytest

from conformance import Status
from conformance.implementations.local import LocalImplementation
from conformance.running.runner import judge
from conformance.tiers import ModuleTier, TrainingTier

pytestmark = [
    pytest.mark.slow,
    # Keras makes NumPy arrays of TensorFlow's variables in a way that NumPy 2 deprecates.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]
MODES = [
    *(f"ghost_torch.modes:{name}" for name in ("exported", "channels_last", "one_by_one")),
    *(f"ghost_jax.modes:{name}" for name in ("eager", "pure", "vmapped", "one_by_one")),
    *(
        f"ghost_tf.modes:{name}"
        for name in ("graph", "xla", "predict", "one_by_one", "channels_first")
    ),
]
TRAINED = [
    "ghost_torch.modes:channels_last",
    pytest.param("ghost_jax.modes:eager", marks=pytest.mark.matrix),
    "ghost_tf.modes:graph",
    "ghost_tf.modes:xla",
]
# A stride with a crop, three ghosts a channel, groups; and an attention.
CASES = (
    "k1-s1-p0-r4-dw5-c8x17-7x7-n2-normal",
    "k3-s2-p1-r2-dw3-c3x16-10x10-n2-normal",
    "k3-s1-p1-r2-dw3-c8x16-6x6-n2-g4-normal",
)


@pytest.mark.parametrize("name", MODES)
def test_a_mode_gives_the_same_numbers(name: str) -> None:
    module, _, function = name.partition(":")
    process = LocalImplementation(name, getattr(importlib.import_module(module), function))

    tier = ModuleTier()

    verdicts = [judge(tier, case, process) for case in tier.cases() if case.id in CASES]  # type: ignore[arg-type]

    assert [verdict.message for verdict in verdicts if verdict.status is not Status.PASS] == []
    assert len(verdicts) == len(CASES)


@pytest.mark.parametrize("name", TRAINED)
def test_a_mode_trains_by_the_same_numbers(name: str) -> None:
    module, _, function = name.partition(":")
    process = LocalImplementation(name, getattr(importlib.import_module(module), function))
    tier = TrainingTier()

    verdicts = [judge(tier, case, process) for case in tier.cases()[:2]]  # type: ignore[arg-type]

    assert [verdict.message for verdict in verdicts if verdict.status is not Status.PASS] == []
    assert len(verdicts) == 2


def test_a_mode_takes_no_training_step_and_says_so() -> None:
    from ghost_torch import modes

    tier = TrainingTier()
    verdict = judge(tier, tier.cases()[0], LocalImplementation("mode", modes.one_by_one))  # type: ignore[arg-type]

    assert verdict.status is Status.SKIP
    assert "it has no method 'train_step'" in verdict.message
