"""Tier `random`: layers with random arguments, by the rules of tiers `module` and `training`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from conformance.cases.case import STEP, Case, layer_case
from conformance.implementations.implementation import Implementation
from conformance.judging.verdict import Outcome
from conformance.tiers import module
from conformance.tiers.base import DEFAULT_SETTINGS, Settings
from conformance.tiers.module import ModuleTier
from conformance.tiers.training import HARD_DATA_SETS, TrainingTier
from weights import ArgumentError, GhostConvConfig
from weights.modules.arguments import ACTIVATIONS

DATA_SETS = (*module.DATA_SETS, *HARD_DATA_SETS)
RATIOS = (1, 1.5, 2, 2.5, 3, 4, 5, 8)
# The most of every size, and the most where a draw is large in that one.
LARGEST = {
    "channels in": (8, 96), "channels out": (24, 256), "batch": (3, 9), "side": (13, 64),
    "kernel": (5, 11), "cheap kernel": (7, 13), "stride": (3, 5), "padding": (3, 6),
    "dilation": (2, 5),
}  # fmt: skip
# One draw in so many is judged by a training step.
STEP_EVERY = 3
SEED = 20


class RandomTier(ModuleTier):
    """As many random layers as `settings.random` says; none by default."""

    name = "random"
    in_vectors = False
    in_pytest = False

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        super().__init__(settings)
        self._steps = TrainingTier(settings)
        self._steps.suspects = self.suspects

    def cases(self) -> list[Case]:
        """The first of an endless sequence, the same in every run."""
        generator = np.random.Generator(np.random.PCG64(SEED))
        drawn: dict[str, Case] = {}
        while len(drawn) < self.settings.random:
            case = _case(self.name, generator)
            if case is not None:
                drawn.setdefault(case.id, case)
        return list(drawn.values())

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """By the rule of tier `training` for a step, by that of tier `module` for an output."""
        if STEP in case.tags:
            return self._steps.judge(case, implementation)
        return super().judge(case, implementation)

    def options(self) -> str:
        """As many layers as the run had."""
        return f"--random {self.settings.random}"


def _case(tier: str, generator: np.random.Generator) -> Case | None:
    """A case, or None where the arguments that were drawn break a rule."""
    large = generator.choice([*LARGEST, *("" for _ in LARGEST)])
    most = {name: limits[name == large] for name, limits in LARGEST.items()}
    config = dict(_arguments(generator, most))
    sizes = (most["batch"], most["side"], most["side"])
    batch, height, width = (int(generator.integers(1, size + 1)) for size in sizes)
    shape = (batch, config["c_in"], height, width)
    is_step = generator.integers(STEP_EVERY) == 0
    try:
        GhostConvConfig(**config).check_input(shape, "float32", training=is_step)
    except ArgumentError:
        return None
    data = str(generator.choice(DATA_SETS))
    return layer_case(tier, config, shape, data, (STEP,) if is_step else ())


def _arguments(
    generator: np.random.Generator, most: Mapping[str, int]
) -> Iterator[tuple[str, Any]]:
    def pair(least: int, most: int) -> list[int]:
        return [int(value) for value in generator.integers(least, most + 1, 2)]

    groups = int(generator.choice([1, 1, 1, 2, 3]))
    yield "c_in", groups * int(generator.integers(1, most["channels in"] + 1))
    yield "c_out", int(generator.integers(1, most["channels out"] + 1))
    yield "kernel_size", pair(1, most["kernel"])
    yield "ratio", float(generator.choice(RATIOS))
    yield "dw_kernel_size", int(generator.choice(range(1, most["cheap kernel"] + 1, 2)))
    yield "stride", pair(1, most["stride"])
    yield "padding", pair(0, most["padding"])
    yield "dilation", pair(1, most["dilation"])
    yield "groups", groups
    yield "bias", bool(generator.integers(2))
    yield "split", str(generator.choice(["round", "round", "ceil", "floor"]))
    yield "activation", str(generator.choice(list(ACTIVATIONS)))
