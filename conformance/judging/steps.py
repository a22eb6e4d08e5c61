"""What a training step must give, and by how much each array may differ.

A step cancels: the gradient of a weight that batch normalisation makes irrelevant is a sum of large
terms that comes to nothing, and the error of one float32 run is as small there by luck. So the
oracle runs a few times in float32 with every result moved by an ulp or not, at random
(`conformance.gradients.tape.Perturbed`), and the worst of those runs is the measure
(`docs/tolerances.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.gradients.tape import Perturbed
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.compare import compare_arrays
from conformance.judging.stages import BASELINE_FACTOR, Reference, in_dtype
from conformance.judging.verdict import Outcome, first_failure
from conformance.oracle import weights_io
from conformance.oracle.training import Step, train_step
from weights import configure

ROUGH_RUNS = 8


def reference_step(
    architecture: str,
    config: Mapping[str, Any],
    weights: Tensors,
    x: np.ndarray,
    cotangent: np.ndarray,
) -> Reference:
    """Every array of the step in float64, and the error that float32 is allowed."""
    description = architecture, config, weights, x, cotangent
    exact = _run(*description, np.float64, None)
    rough = [_run(*description, np.float32, seed) for seed in range(ROUGH_RUNS)]
    allowed = {name: _allowed(array, [run[name] for run in rough]) for name, array in exact.items()}
    return Reference(exact, allowed)


def output_cotangent(
    architecture: str, config: Mapping[str, Any], x: np.ndarray, seed: int
) -> np.ndarray:
    """A random cotangent of the shape that the output for x: (N, C, H, W) has."""
    batch, _, height, width = x.shape
    shape = configure(architecture, config).output_shape(batch, height, width)
    generator = np.random.Generator(np.random.PCG64([seed, *shape]))
    return generator.normal(size=shape).astype(np.float32)


def flat(step: Step) -> Tensors:
    """The arrays of a step by one name each.

    >>> list(flat({"output": 1, "grad_input": 2, "grads": {"w": 3}, "state": {"mean": 4}}))
    ['output', 'state mean', 'grad_input', 'grad of w']
    """
    return {
        "output": step["output"],
        **{f"state {name}": array for name, array in step["state"].items()},
        "grad_input": step["grad_input"],
        **{f"grad of {name}": array for name, array in step["grads"].items()},
    }


def judge_step(step: Any, wanted: Reference) -> Outcome:
    """The first array that is wrong, forward before backward, or the worst ratio of them all."""
    problem = _shape_problem(step)
    if problem:
        return Outcome.failed(problem)
    arrays = flat(step)
    unknown = [name for name in arrays if name not in wanted.values]
    missing = [name for name in wanted.values if name not in arrays]
    if unknown or missing:
        return Outcome.failed(f"the step lacks {missing or 'nothing'}, has besides {unknown}")
    return first_failure(
        (name, compare_arrays(arrays[name], value, wanted.allowed[name]))
        for name, value in wanted.values.items()
    )


def _shape_problem(step: Any) -> str:
    """What keeps an answer from being a step, or an empty string."""
    keys = ("output", "grad_input", "grads", "state")
    missing = [key for key in keys if not isinstance(step, Mapping) or key not in step]
    if missing:
        return f"train_step must return {', '.join(keys)}, it lacks {', '.join(missing)}"
    flat_ones = [key for key in ("grads", "state") if not isinstance(step[key], Mapping)]
    if flat_ones:
        return f"{' and '.join(flat_ones)} must map names to arrays"
    return ""


def _run(
    architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray,
    cotangent: np.ndarray, dtype: Any, seed: int | None,
) -> Tensors:  # fmt: skip
    module = weights_io.build(architecture, config, in_dtype(weights, dtype))
    arrays = x.astype(dtype), cotangent.astype(dtype)
    with np.errstate(all="ignore"):  # weights that give NaN are for the rule to judge
        if seed is None:
            return flat(train_step(module, *arrays))
        generator = np.random.Generator(np.random.PCG64(seed))
        return flat(train_step(module, *arrays, lambda array: Perturbed(array, generator)))


def _allowed(exact: np.ndarray, rough: list[np.ndarray]) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        errors = [np.abs(run.astype(np.float64) - exact) for run in rough]
    worst = max(_largest(error) for error in errors)
    return BASELINE_FACTOR * (worst + 4 * UNIT_ROUNDOFF * _largest(np.abs(exact)))


def _largest(array: np.ndarray) -> float:
    return float(array[np.isfinite(array)].max(initial=0.0))
