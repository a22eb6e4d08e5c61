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
from conformance.faults.changes import become
from conformance.gradients.tape import Variable, perturbed
from conformance.judging.formulations import FORMULATIONS
from conformance.judging.stages import Reference, judge_arrays, reference
from conformance.judging.verdict import Outcome
from conformance.oracle import weights_io
from conformance.oracle.training import train_step
from conformance.oracle.weighted import BatchNorm

PERTURBED_RUNS = 8
MAPPINGS = ("grads", "state")
KEYS = ("output", "grad_input", *MAPPINGS)


# Makes the oracle's module of a model, and the variables of a run.
Make = Callable[[Model], Any]
MakeVariable = Callable[[np.ndarray], Variable]
# A run of the oracle in a type.
Run = Callable[[Any, Make, MakeVariable], Tensors]


def reference_step(model: Model, x: np.ndarray, cotangent: np.ndarray) -> Reference:
    """Every array of the step in float64, and the error that float32 is allowed.

    Shapes: x: (N, C, H, W), cotangent: that of the output.
    """

    def run(dtype: Any, make: Make, variable: MakeVariable) -> Tensors:
        step = train_step(make(model), x.astype(dtype), cotangent.astype(dtype), variable)
        return flatten_step(step)

    return perturbed_reference(run)


def perturbed_reference(run: Run, runs: int = PERTURBED_RUNS) -> Reference:
    """The arrays of a run in float64, and the error that perturbed runs in float32 allow.

    They have the formulations of batch normalisation that libraries have, in turn.
    """

    def float32_run(seed: int) -> Tensors:
        def make(model: Model) -> Any:
            module = weights_io.build(*model.astype(np.float32))
            become(BatchNorm, FORMULATIONS[seed % len(FORMULATIONS)])(module)
            return module

        generator = np.random.Generator(np.random.PCG64(seed))
        return run(np.float32, make, lambda array: perturbed(array, generator))

    def make(model: Model) -> Any:
        return weights_io.build(*model.astype(np.float64))

    with np.errstate(all="ignore"):  # weights may give NaN, which the rule judges
        exact = run(np.float64, make, Variable)
        return reference(exact, [float32_run(seed) for seed in range(runs)])


def flatten_step(step: Mapping[str, Any]) -> Tensors:
    """The arrays of a step by one name each, the forward pass first, as far as they are there.

    >>> list(flatten_step({"output": 1, "grad_input": 2, "grads": {"w": 3}, "state": {"mean": 4}}))
    ['output', 'state mean', 'grad_input', 'grad of w']
    """
    output, grad_input = ({key: step[key]} if key in step else {} for key in KEYS[:2])
    grads, state = (step.get(key, {}) for key in MAPPINGS)
    return {
        **output,
        **{f"state {name}": array for name, array in state.items()},
        **grad_input,
        **{f"grad of {name}": array for name, array in grads.items()},
    }


def judge_step(step: Mapping[str, Any], wanted: Reference) -> Outcome:
    """Compare every array of a step with its reference; the first that is wrong is reported.

    `step` is whatever `train_step` of an implementation returned. An array that is not there is
    skipped, one of another name is a failure.
    """
    wrong = [key for key in MAPPINGS if not isinstance(step.get(key, {}), Mapping)]
    if wrong:
        return Outcome.failed(f"{' and '.join(wrong)} must map names to arrays")
    arrays = flatten_step(step)
    unknown = [name for name in arrays if name not in wanted.values]
    if unknown:
        missing = [name for name in wanted.values if name not in arrays]
        return Outcome.failed(f"the step has {unknown} besides, lacks {missing or 'nothing'}")
    return judge_arrays(arrays, wanted)
