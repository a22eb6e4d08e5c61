"""Tier `random`: layers with random arguments, by the rule of tier `module`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.cases.case import Case, layer_case
from conformance.tiers.module import ModuleTier
from weights import ArgumentError, GhostConvConfig
from weights.modules.arguments import ACTIVATIONS

DATA_SETS = ("normal", "wide", "one_sided")
RATIOS = (1, 1.5, 2, 2.5, 3, 4, 5, 8)
SEED = 20


class RandomTier(ModuleTier):
    """As many random layers as `settings.random` says; none by default."""

    name = "random"
    in_vectors = False
    in_pytest = False

    def cases(self) -> list[Case]:
        """The first of an endless sequence, the same in every run."""
        generator = np.random.Generator(np.random.PCG64(SEED))
        drawn: dict[str, Case] = {}
        while len(drawn) < self.settings.random:
            case = _case(self.name, generator)
            if case is not None:
                drawn.setdefault(case.id, case)
        return list(drawn.values())

    def options(self) -> str:
        """As many layers as the run had."""
        return f"--random {self.settings.random}"


def _case(tier: str, generator: np.random.Generator) -> Case | None:
    """A case, or None where the arguments that were drawn break a rule."""
    config = dict(_arguments(generator))
    batch, height, width = (int(generator.integers(1, most)) for most in (4, 14, 14))
    shape = (batch, config["c_in"], height, width)
    try:
        GhostConvConfig(**config).check_input(shape, "float32")
    except ArgumentError:
        return None
    return layer_case(tier, config, shape, str(generator.choice(DATA_SETS)))


def _arguments(generator: np.random.Generator) -> Iterator[tuple[str, Any]]:
    def pair(least: int, most: int) -> list[int]:
        return [int(value) for value in generator.integers(least, most + 1, 2)]

    groups = int(generator.choice([1, 1, 1, 2, 3]))
    yield "c_in", groups * int(generator.integers(1, 9))
    yield "c_out", int(generator.integers(1, 25))
    yield "kernel_size", pair(1, 5)
    yield "ratio", float(generator.choice(RATIOS))
    yield "dw_kernel_size", int(generator.choice([1, 3, 5, 7]))
    yield "stride", pair(1, 3)
    yield "padding", pair(0, 3)
    yield "dilation", pair(1, 2)
    yield "groups", groups
    yield "split", str(generator.choice(["round", "round", "ceil", "floor"]))
    yield "activation", str(generator.choice(list(ACTIVATIONS)))
