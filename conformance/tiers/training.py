"""Tier `training`: a whole training step, output, gradients and statistics afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.family import family_cases
from conformance.cases.layers import LAYERS, Row, layer_cases
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import Reference, is_network
from conformance.judging.steps import judge_step, output_cotangent, reference_step
from conformance.judging.verdict import Outcome
from conformance.tiers.base import Once
from conformance.tiers.family import form_of

# Fewer, and the batch statistics are those of one or two values.
LAYER_BATCH, NETWORK_BATCH = 2, 4
# What the default run takes of `LAYERS` and of the family: each costs a compilation.
USUAL_LAYERS = (1, 7, 8, 16, 21, 32, 34, 40, 42, 43)
USUAL_MODULES = (
    "squeeze_excite-divisible",
    "ghost_conv_v2-7x7",
    "ghost_bottleneck-stride-2-se",
    "ghost_conv-bias",
)
# It gives a single pixel, of which there are no batch statistics.
WITHOUT = ("ghostnet-one-pixel",)


class TrainingTier:
    """A step of every layer and small network, for a random cotangent of the output."""

    name = "training"

    def __init__(self) -> None:
        self.full = False
        self._truth = Once(truth)

    def cases(self) -> list[Case]:
        """The usual ones, or with `full` a case for every row that can be trained."""
        rows = LAYERS if self.full else [LAYERS[index] for index in USUAL_LAYERS]
        return [*_layer_cases(self.name, rows), *self._family_cases()]

    def reference(self, case: Case) -> Reference:
        """Every array of a step, and the error of each."""
        return self._truth(case.id, case)

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """Every array within four times the worst of the oracle's own float32 runs."""
        weights, x = tensors.make(case)
        cotangent = output_cotangent(case.architecture, case.config, x, case.seed)
        step = process.train_step(case.architecture, case.config, weights, x, cotangent)
        return judge_step(step, self._truth(case.id, case))

    def options(self) -> str:
        """What the command line needs to run these cases again."""
        return "--full" if self.full else ""

    def _family_cases(self) -> Iterator[Case]:
        for case in family_cases(self.name):
            is_wanted = self.full or case.id in USUAL_MODULES
            if is_wanted and not form_of(case) and case.id not in WITHOUT:
                least = NETWORK_BATCH if is_network(case.architecture) else LAYER_BATCH
                yield _trainable(case, least)


def truth(case: Case) -> Reference:
    """Every array of the step in float64, and the error that is allowed."""
    weights, x = tensors.make(case)
    cotangent = output_cotangent(case.architecture, case.config, x, case.seed)
    return reference_step(case.architecture, case.config, weights, x, cotangent)


def _layer_cases(tier: str, rows: list[Row] | tuple[Row, ...]) -> Iterator[Case]:
    for case in layer_cases(tier, ("normal",), rows):
        yield _trainable(case, LAYER_BATCH)


def _trainable(case: Case, least_batch: int) -> Case:
    """The case with enough images, and without dropout, which draws random numbers."""
    batch, *rest = case.input_shape
    config = dict(case.config) | ({"dropout": 0.0} if "dropout" in case.config else {})
    return replace(case, config=config, input_shape=(max(batch, least_batch), *rest))
