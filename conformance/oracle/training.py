"""Training steps of the oracle, on one device and on replicas, in either precision."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from conformance.gradients.tape import Variable, gradients
from conformance.oracle.layers import Folded
from conformance.oracle.walk import copied, parts
from conformance.oracle.weighted import BatchNorm
from conformance.oracle.weights_io import FRAMEWORK
from weights.columns.backend import submodule
from weights.columns.replicas import FIRST, GLOBAL, Given, ReplicaRun

Step = dict[str, Any]
# Makes the variables of the gradients.
MakeVariable = Callable[[np.ndarray], Variable]


def train_step(
    module: Any,
    x: np.ndarray,
    output_cotangent: np.ndarray,
    variable: MakeVariable = Variable,
) -> Step:
    """Output, `grad_input`, `grads` by name and `state`, the statistics afterwards.

    Shapes: x: (N, C, H, W), output_cotangent: that of the output. `variable` makes the variables of
    the gradients. The parameters of the module stay as they are, its statistics change.
    """
    specs = FRAMEWORK.specs_of(module)
    before = FRAMEWORK.state(module)
    inputs = variable(x)
    parameters = {spec.name: variable(before[spec.name]) for spec in specs if spec.trainable}
    try:
        _set(module, parameters)
        set_training(module, True)
        output = module(inputs)
        statistics = {spec.name: _get(module, spec.name) for spec in specs if not spec.trainable}
    finally:
        set_training(module, False)
        _set(module, before)
    _set(module, statistics)
    grad_input, *grads = gradients(output, [inputs, *parameters.values()], output_cotangent)
    named = dict(zip(parameters, grads, strict=True))
    return {"output": output.value, "grad_input": grad_input, "grads": named, "state": statistics}


def forward_in_training(module: Any, x: np.ndarray) -> np.ndarray:
    """The output that a step gives for x: (N, C, H, W); the statistics of the module change."""
    try:
        set_training(module, True)
        return module(x)
    finally:
        set_training(module, False)


def set_training(module: Any, training: bool) -> None:
    """Let every batch normalisation use the statistics of the batch, or its own."""
    norms: list[Any] = [*parts(module, BatchNorm), *parts(module, Folded)]
    for norm in norms:
        norm.training = training


def train_on_replicas(given: Given, run: ReplicaRun) -> list[Step]:
    """The same of every step on replicas, by the definition of each kind of statistics."""
    return list(replica_steps(FRAMEWORK.build(*given), run))


def replica_steps(
    module: Any, run: ReplicaRun, variable: MakeVariable = Variable
) -> Iterator[Step]:
    """`output` and `grads` of every step, and all tensors afterwards as `state`.

    The tensors of the module change.
    """
    for x, cotangent in run.steps:
        before = FRAMEWORK.state(module)
        dtype = next(iter(before.values())).dtype
        step = _step(module, x.astype(dtype), cotangent.astype(dtype) / run.images, run, variable)
        after = {n: before[n] - dtype.type(run.rate) * g for n, g in step["grads"].items()}
        FRAMEWORK.set_state(module, before | after | step["state"])
        yield {
            "output": step["output"], "grads": step["grads"], "state": FRAMEWORK.state(module)
        }  # fmt: skip


def _step(
    module: Any,
    x: np.ndarray,
    cotangent: np.ndarray,
    run: ReplicaRun,
    variable: MakeVariable,
) -> Step:
    if run.statistics == GLOBAL:
        return train_step(copied(module), x, cotangent, variable)
    parts = zip(run.split(x), run.split(cotangent), strict=True)
    steps = [train_step(copied(module), *part, variable) for part in parts]
    first = steps[0]
    return {
        "output": np.concatenate([step["output"] for step in steps]),
        "grads": {name: sum(step["grads"][name] for step in steps) for name in first["grads"]},
        "state": first["state"] if run.statistics == FIRST else _mean(steps),
    }


def _mean(steps: list[Step]) -> dict[str, np.ndarray]:
    count = len(steps)
    return {name: sum(s["state"][name] for s in steps) / count for name in steps[0]["state"]}


def _get(module: Any, name: str) -> np.ndarray:
    found = getattr(*_place(module, name))
    return found.value if isinstance(found, Variable) else found


def _set(module: Any, arrays: Mapping[str, Any]) -> None:
    for name, array in arrays.items():
        setattr(*_place(module, name), array)


def _place(module: Any, name: str) -> tuple[Any, str]:
    """The part of a module that holds a tensor, and the name of its attribute."""
    path, _, attribute = name.rpartition(".")
    return submodule(module, path), attribute
