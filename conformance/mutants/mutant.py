"""What a mutant is: the oracle in float32 with one defect, and the tier that must see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from conformance.oracle import adapter, weights_io
from conformance.oracle.training import Step
from weights.files.digests import common_dtype

Build = Callable[..., Any]
# An attribute of a module or class, and what stands there while the mutant runs.
Patch = tuple[Any, str, Any]


def unchanged(module: Any) -> None:
    """No part of the module is changed."""


@dataclass(frozen=True)
class Mutant:
    """One deliberate defect.

    `tier` must fail it. `change` edits the oracle's module once it is built; `patches` hold while
    it is built and runs, so that the right results are computed without them; `step` spoils a
    training step.
    """

    name: str
    what: str
    tier: str = ""
    change: Callable[[Any], None] = field(default=unchanged, repr=False)
    patches: tuple[Patch, ...] = field(default=(), repr=False)
    step: Callable[[Step], Step] | None = field(default=None, repr=False)

    def build(self, architecture: str, config: Mapping[str, Any], weights: Any) -> Mutated:
        """The build function of an implementation."""
        with _patched(self.patches):
            module = weights_io.build(architecture, config, weights)
        self.change(module)
        return Mutated(self, module, common_dtype(weights))


@dataclass(frozen=True)
class Variant(Mutant):
    """Another way of computing the same, which no tier may fail; `trains`: it has gradients."""

    trains: bool = True

    def build(self, architecture: str, config: Mapping[str, Any], weights: Any) -> Mutated:
        """The build function of an implementation."""
        built = super().build(architecture, config, weights)
        if not self.trains:
            built.train_step = None  # type: ignore[assignment]
        return built


class Mutated(adapter.Adapter):
    """The adapter of a mutant."""

    def __init__(self, mutant: Mutant, module: Any, dtype: Any) -> None:
        super().__init__(module, dtype)
        self.mutant = mutant

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W') or (N, classes)."""
        with _patched(self.mutant.patches):
            return super().__call__(x)

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage, of a network; of a layer, its output."""
        with _patched(self.mutant.patches):
            return super().taps(x)

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> Step:
        """A training step with the defect."""
        with _patched(self.mutant.patches):
            step = super().train_step(x, output_cotangent)
        return self.mutant.step(step) if self.mutant.step else step


@contextmanager
def _patched(patches: tuple[Patch, ...]) -> Iterator[None]:
    with ExitStack() as stack, np.errstate(all="ignore"):
        for owner, name, value in patches:
            stack.enter_context(patch.object(owner, name, value))
        yield
