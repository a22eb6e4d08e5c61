"""The reference of a training step, and the rule that judges each of its arrays.

A step cancels: the gradient of a weight that batch normalisation makes irrelevant is a sum of large
terms that comes to nothing, and the error of one float32 run may be as small there by luck. So the
oracle runs several times in float32 with every result moved by an ulp or not, at random
(`conformance.gradients.tape.perturbed`), and the run that errs most is the measure
(`docs/tolerances.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conformance.cases.model import Model
from conformance.cases.tensors import Tensors
from conformance.gradients.tape import Variable, perturbed
from conformance.judging.compare import compare_arrays
from conformance.judging.stages import Reference, reference
from conformance.judging.verdict import Outcome, first_failure
from conformance.oracle import weights_io
from conformance.oracle.training import Step, train_step

PERTURBED_RUNS = 8
MAPPINGS = ("grads", "state")
KEYS = ("output", "grad_input", *MAPPINGS)


# A run of the oracle in a type, on variables that a function makes.
Run = Callable[[Any, Callable[[np.ndarray], Variable]], Tensors]


def reference_step(model: Model, x: np.ndarray, cotangent: np.ndarray) -> Reference:
    """Every array of the step in float64, and the error that float32 is allowed.

    Shapes: x: (N, C, H, W), cotangent: that of the output.
    """

    def run(dtype: Any, variable: Callable[[np.ndarray], Variable]) -> Tensors:
        module = weights_io.build(*model.astype(dtype))
        step = train_step(module, x.astype(dtype), cotangent.astype(dtype), variable)
        return flatten_step(step)

    return perturbed_reference(run)


def perturbed_reference(run: Run, runs: int = PERTURBED_RUNS) -> Reference:
    """The arrays of a run in float64, and the error that perturbed runs in float32 allow."""

    def float32_run(seed: int) -> Tensors:
        generator = np.random.Generator(np.random.PCG64(seed))
        return run(np.float32, lambda array: perturbed(array, generator))

    with np.errstate(all="ignore"):  # weights may give NaN, which the rule judges
        return reference(run(np.float64, Variable), [float32_run(seed) for seed in range(runs)])


def flatten_step(step: Step) -> Tensors:
    """The arrays of a step by one name each, the forward pass first.

    >>> list(flatten_step({"output": 1, "grad_input": 2, "grads": {"w": 3}, "state": {"mean": 4}}))
    ['output', 'state mean', 'grad_input', 'grad of w']
    """
    return {
        "output": step["output"],
        **{f"state {name}": array for name, array in step["state"].items()},
        "grad_input": step["grad_input"],
        **{f"grad of {name}": array for name, array in step["grads"].items()},
    }


def judge_step(step: Any, wanted: Reference) -> Outcome:
    """Compare every array of a step with its reference; the first that is wrong is reported.

    `step` is whatever `train_step` of an implementation returned.
    """
    problem = _structure_error(step)
    if problem:
        return Outcome.failed(problem)
    arrays = flatten_step(step)
    unknown = [name for name in arrays if name not in wanted.values]
    missing = [name for name in wanted.values if name not in arrays]
    if unknown or missing:
        return Outcome.failed(f"the step lacks {missing or 'nothing'}, has besides {unknown}")
    return first_failure(
        (name, compare_arrays(arrays[name], value, wanted.allowed[name]))
        for name, value in wanted.values.items()
    )


def _structure_error(step: Any) -> str:
    """The reason for which a returned value is no step, or an empty string."""
    missing = [key for key in KEYS if not isinstance(step, Mapping) or key not in step]
    if missing:
        return f"train_step must return {', '.join(KEYS)}, it lacks {', '.join(missing)}"
    wrong = [key for key in MAPPINGS if not isinstance(step[key], Mapping)]
    return f"{' and '.join(wrong)} must map names to arrays" if wrong else ""
