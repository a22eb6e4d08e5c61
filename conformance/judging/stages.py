"""The stages of a network: what the oracle says of each, and the rule that judges them.

An implementation may err four times as much as the oracle's own float32 run, plus four roundings
of the largest value (`docs/tolerances.md`). A layer has one stage, its output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.gradients.tape import Perturbed
from conformance.implementations.errors import ImplementationError
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.compare import compare_arrays
from conformance.judging.verdict import Outcome
from conformance.oracle import adapter, weights_io
from weights import ArgumentError, Config, configure

BASELINE_FACTOR = 4
BATCH = 50


@dataclass(frozen=True)
class OracleRun:
    """Every stage in float64, and the same arithmetic in float32, once or more often."""

    exact: Tensors = field(repr=False)
    rough: Tensors = field(repr=False)
    others: tuple[Tensors, ...] = field(default=(), repr=False)

    def stages(self) -> Reference:
        """What an implementation is held against, and the error that is allowed."""
        runs = (self.rough, *self.others)
        allowed = {
            stage: max(allowed_error(run[stage], exact, exact) for run in runs)
            for stage, exact in self.exact.items()
        }
        return Reference(self.exact, allowed)


@dataclass(frozen=True)
class Reference:
    """What every stage must be, and by how much it may differ.

    Of the stages in `means`, the values are means over height and width.
    """

    values: Tensors = field(repr=False)
    allowed: Mapping[str, float | np.ndarray]
    means: frozenset[str] = frozenset()


def oracle_run(
    architecture: str,
    config: Mapping[str, Any],
    weights: Tensors,
    x: np.ndarray,
    *,
    others: int = 0,
) -> OracleRun:
    """Run the oracle in both precisions on x: (N, C, H, W).

    `others` is how many runs in float32 there are besides, each with every result moved by an ulp
    or not, at random: what a single run gains by luck, they do not.
    """
    with np.errstate(all="ignore"):  # weights that give NaN are for the rule to judge
        exact, rough = (
            in_batches(adapter.build(architecture, config, in_dtype(weights, dtype)).taps, x)
            for dtype in (np.float64, np.float32)
        )
        module = weights_io.build(architecture, config, in_dtype(weights, np.float32))
        moved = tuple(_moved(module, x, seed) for seed in range(others))
    return OracleRun(exact, rough, moved)


def _moved(module: Any, x: np.ndarray, seed: int) -> Tensors:
    generator = np.random.Generator(np.random.PCG64(seed))
    start = Perturbed(x.astype(np.float32), generator)
    stages = module.stages(start) if hasattr(module, "stages") else {"output": module(start)}
    return {name: variable.value for name, variable in stages.items()}


def in_batches(taps: Callable[[np.ndarray], Tensors], x: np.ndarray) -> Tensors:
    """The stages of many images, a part of them at a time."""
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


def in_dtype(weights: Tensors, dtype: Any) -> Tensors:
    """The same tensors in another precision."""
    return {name: array.astype(dtype) for name, array in weights.items()}


def allowed_error(rough: np.ndarray, exact: np.ndarray, wanted: np.ndarray) -> float:
    """4 x (largest error of the float32 run + 4 u max|wanted|), over the finite elements."""
    with np.errstate(invalid="ignore", over="ignore"):
        baseline = _largest(rough.astype(np.float64) - exact)
    return BASELINE_FACTOR * (baseline + 4 * UNIT_ROUNDOFF * _largest(wanted))


def judge_stage(outputs: Tensors, wanted: Reference, stage: str) -> Outcome:
    """Whether one stage of `outputs` is within the rule."""
    if stage not in outputs:
        return Outcome.failed(f"its taps have no {stage}, only {', '.join(outputs)}")
    got = spatial_means(outputs[stage]) if stage in wanted.means else outputs[stage]
    return compare_arrays(got, wanted.values[stage], wanted.allowed[stage])


def spatial_means(x: np.ndarray) -> np.ndarray:
    """Shapes: x: (N, C, H, W) to (N, C), in float64; others are returned as they are."""
    return x.mean(axis=(2, 3), dtype=np.float64) if x.ndim == 4 else x


def stage_names(architecture: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the stages, as the oracle's own module gives them."""
    plan = configure(architecture, config)
    module = weights_io.ARCHITECTURES[architecture](**config)
    return tuple(adapter.Adapter(module, np.float64).taps(smallest_input(plan)))


def is_network(architecture: str) -> bool:
    """Whether the architecture has stages beside its output."""
    return hasattr(weights_io.ARCHITECTURES[architecture], "stages")


def smallest_input(config: Config) -> np.ndarray:
    """Zeros (1, C, H, W) of the smallest square size that a module takes."""
    channels = input_channels(config)
    shapes = ((1, channels, size, size) for size in count(1))
    return np.zeros(next(shape for shape in shapes if accepts(config, shape)))


def input_channels(config: Config) -> int:
    """How many channels the input of a module has."""
    return next(iter(config.operations((1, 1)))).plan.c_in


def accepts(config: Config, shape: tuple[int, ...]) -> bool:
    """Whether a module takes an input of this shape."""
    try:
        config.check_input(shape, "float32")
    except ArgumentError:
        return False
    return True


def _largest(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))
