"""References: every stage of a network by the oracle, and the error allowed to each.

An implementation may err four times as much as the oracle's own float32 runs, plus four roundings
of the largest value (`docs/tolerances.md`). A layer has one stage, its output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from conformance.cases.model import Model
from conformance.cases.tensors import Tensors
from conformance.gradients.tape import perturbed
from conformance.implementations.errors import ImplementationError
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.compare import compare_arrays
from conformance.judging.hints import largest_finite
from conformance.judging.verdict import Outcome, first_failure
from conformance.oracle import adapter, weights_io
from weights import ArgumentError, Config, configure

BASELINE_FACTOR = 4
BATCH = 50


@dataclass(frozen=True)
class Reference:
    """Arrays by name in float64, and the error allowed to each.

    Of the stages in `means`, the values are means over height and width.
    """

    values: Tensors = field(repr=False)
    allowed: Mapping[str, float | np.ndarray]
    means: frozenset[str] = frozenset()

    def part(self, prefix: str) -> Reference:
        """The arrays whose names begin so, under the rest of their names."""
        names = {name.removeprefix(prefix): name for name in self.values if name.startswith(prefix)}
        return Reference(
            {short: self.values[name] for short, name in names.items()},
            {short: self.allowed[name] for short, name in names.items()},
        )


@dataclass(frozen=True)
class OracleRun:
    """Every stage in float64, and the same in float32: run once as it is, and perturbed."""

    exact: Tensors = field(repr=False)
    float32: Tensors = field(repr=False)
    perturbed: tuple[Tensors, ...] = field(default=(), repr=False)

    def reference(self) -> Reference:
        """The stages in float64, and the error that the float32 runs allow."""
        return reference(self.exact, (self.float32, *self.perturbed))


def reference(exact: Tensors, runs: Sequence[Tensors]) -> Reference:
    """The reference of these arrays; of several float32 runs the one that errs most counts."""
    allowed = {
        name: max(allowed_error(run[name], array, array) for run in runs)
        for name, array in exact.items()
    }
    return Reference(exact, allowed)


def allowed_error(float32: np.ndarray, exact: np.ndarray, wanted: np.ndarray) -> float:
    """4 x (largest |float32 - exact| + 4 u max|wanted|), over the finite elements."""
    with np.errstate(invalid="ignore", over="ignore"):
        baseline = largest_finite(float32.astype(np.float64) - exact)
    return BASELINE_FACTOR * (baseline + 4 * UNIT_ROUNDOFF * largest_finite(wanted))


def oracle_run(model: Model, x: np.ndarray, *, perturbed: int = 0) -> OracleRun:
    """Run the oracle in both precisions on x: (N, C, H, W).

    `perturbed` is the number of further runs in float32 in which every result is moved by an ulp or
    not, at random: the error of a single run may be small by luck.
    """
    with np.errstate(all="ignore"):  # weights may give NaN, which the rule judges
        exact, float32 = (
            in_batches(adapter.build(*model.astype(dtype)).taps, x)
            for dtype in (np.float64, np.float32)
        )
        module = weights_io.build(*model.astype(np.float32))
        runs = tuple(_perturbed_run(module, x, seed) for seed in range(perturbed))
    return OracleRun(exact, float32, runs)


def _perturbed_run(module: Any, x: np.ndarray, seed: int) -> Tensors:
    start = perturbed(x.astype(np.float32), np.random.Generator(np.random.PCG64(seed)))
    stages = module.stages(start) if hasattr(module, "stages") else {"output": module(start)}
    return {name: variable.value for name, variable in stages.items()}


def in_batches(taps: Callable[[np.ndarray], Tensors], x: np.ndarray) -> Tensors:
    """The stages `taps` gives for x: (N, C, H, W), computed for 50 images at a time."""
    batches = np.split(x, range(BATCH, len(x), BATCH))
    parts = [taps(batch) for batch in batches]
    for batch, part in zip(batches, parts, strict=True):
        _check_part(parts[0], part, len(batch))
    return {stage: np.concatenate([part[stage] for part in parts]) for stage in parts[0]}


def _check_part(first: Tensors, part: Tensors, images: int) -> None:
    """Raise `ImplementationError` for stages that cannot be put behind those of `first`."""
    for stage in {**first, **part}:
        here, there = (np.shape(each.get(stage, ())) for each in (part, first))
        if here[:1] != (images,) or here[1:] != there[1:]:
            raise ImplementationError(
                f"its taps of {images} images gave {stage} of shape {here}, where those of the "
                f"first {BATCH} gave {there}"
            )


def judge_stage(outputs: Tensors, wanted: Reference, stage: str) -> Outcome:
    """Compare one stage of `outputs` with its reference; one that is not there is skipped."""
    if stage not in outputs:
        return Outcome.skipped(f"it gives no {stage}, only {', '.join(outputs) or 'nothing'}")
    got = global_avg_pool(outputs[stage]) if stage in wanted.means else outputs[stage]
    return compare_arrays(got, wanted.values[stage], wanted.allowed[stage])


def judge_arrays(outputs: Tensors, wanted: Reference) -> Outcome:
    """The first of all arrays that is wrong; a skip where one is not there, and no other is."""
    names = sorted(wanted.values, key=lambda name: name not in outputs)
    return first_failure((name, judge_stage(outputs, wanted, name)) for name in names)


def global_avg_pool(x: np.ndarray) -> np.ndarray:
    """Means (N, C) in float64 of maps x: (N, C, H, W); logits (N, C) as they are."""
    return x.mean(axis=(2, 3), dtype=np.float64) if x.ndim == 4 else x


def stage_names(architecture: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the stages of a module, from a run of the oracle."""
    plan = configure(architecture, config)
    module = weights_io.ARCHITECTURES[architecture](**config)
    return tuple(adapter.Adapter(module, np.float64).taps(smallest_input(plan)))


def is_network(architecture: str) -> bool:
    """True of an architecture that has stages beside its output."""
    return hasattr(weights_io.ARCHITECTURES[architecture], "stages")


def smallest_input(config: Config) -> np.ndarray:
    """Zeros (1, C, H, W) of the smallest square size that a module takes."""
    shapes = ((1, config.input_channels, size, size) for size in count(1))
    return np.zeros(next(shape for shape in shapes if _accepts(config, shape)))


def _accepts(config: Config, shape: tuple[int, ...]) -> bool:
    try:
        config.check_input(shape, "float32")
    except ArgumentError:
        return False
    return True
