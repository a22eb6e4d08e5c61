"""Tier `training`: a whole training step, output, gradients and statistics afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases.case import HARD, INFERENCE_ONLY, USUAL, Case
from conformance.cases.family import family_cases
from conformance.cases.layers import layer_cases
from conformance.cases.model import step_inputs
from conformance.cases.tensors import Tensors
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import Reference, is_network
from conformance.judging.steps import flatten_step, judge_step, reference_step
from conformance.judging.verdict import Outcome
from conformance.oracle.training import forward_in_training, train_step
from conformance.oracle.walk import copied
from conformance.tiers.base import OracleTier
from weights.modules.forms import TRAINING

# Fewer, and the batch statistics of a network's smallest maps are those of one or two values.
NETWORK_BATCH = 4
# Values on both sides of every kink, a mean far from 0, variances far below eps.
HARD_DATA_SETS = ("saturated", "offset", "faint")
# Values at which an exponential overflows, for what has one.
SUNK, EXPONENTIAL = "sunk", "silu"


class TrainingTier(OracleTier):
    """A step of every layer and small network, for a random cotangent of the output."""

    name = "training"
    has_more = True
    keeps_references = True

    def cases(self) -> list[Case]:
        """The usual ones, as each costs a compilation, or with `full` whatever can be trained."""
        usual = [*layer_cases(self.name, ("normal",)), *family_cases(self.name)]
        hard = layer_cases(self.name, HARD_DATA_SETS)
        wanted = [case for case in usual if self._is_wanted(case, USUAL)]
        wanted += [case for case in hard if self._is_wanted(case, HARD)]
        sunk = layer_cases(self.name, (SUNK,))
        wanted += [each for each in sunk if each.config.get("activation") == EXPONENTIAL]
        return [_trainable(case) for case in wanted]

    def compute_reference(self, case: Case, unit: float) -> Reference:
        """Every array of the step in float64, and the error of each."""
        return reference_step(*step_inputs(case))

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Every array within four times the worst of the oracle's own float32 runs."""
        model, x, cotangent = step_inputs(case)
        step, wanted = implementation.train_step(model, x, cotangent), self.reference(case)
        outcome = judge_step(step, wanted)
        if outcome.worst is None or is_network(case.architecture):
            return outcome  # nothing to explain, or so many steps of a network take too long

        def run(module: Any) -> Iterator[Tensors]:
            double = x.astype(np.float64), cotangent.astype(np.float64)
            # Most faults show in the output, which takes no gradients.
            yield {"output": forward_in_training(copied(module), double[0])}
            yield flatten_step(train_step(module, *double))

        return self.suspects.explain(outcome, case, flatten_step(step), wanted, run)

    def _is_wanted(self, case: Case, tag: str) -> bool:
        can_train = case.form == TRAINING and INFERENCE_ONLY not in case.tags
        return can_train and (self.settings.full or tag in case.tags)


def _trainable(case: Case) -> Case:
    """The case with enough images, and without dropout, which draws random numbers."""
    batch, *rest = case.input_shape
    least = NETWORK_BATCH if is_network(case.architecture) else 1
    config = dict(case.config) | ({"dropout": 0.0} if "dropout" in case.config else {})
    return replace(case, config=config, input_shape=(max(batch, least), *rest))
