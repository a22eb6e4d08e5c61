"""A training step of the oracle: output, gradients and statistics, in either precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conformance.gradients.tape import Variable, gradients
from conformance.oracle import weights_io
from conformance.oracle.layers import BatchNorm, Folded
from weights.columns.backend import submodule
from weights.tensors import TensorSpec

Step = dict[str, Any]


def train_step(
    module: Any,
    x: np.ndarray,
    output_cotangent: np.ndarray,
    make: Callable[[np.ndarray], Variable] = Variable,
) -> Step:
    """What `train_step` of every adapter returns, for x: (N, C, H, W).

    The module's parameters stay as they are, its statistics move on. `make` makes the variables.
    """
    specs = weights_io.specs_of(module)
    before = weights_io.state(module)
    inputs = make(x)
    parameters = {spec.name: make(before[spec.name]) for spec in specs if spec.trainable}
    try:
        _set(module, specs, parameters)
        set_training(module, specs, True)
        output = module(inputs)
        state = _statistics(module, specs)
    finally:
        set_training(module, specs, False)
        _set(module, specs, before)
    _set(module, specs, state)
    grad_input, *grads = gradients(output, [inputs, *parameters.values()], output_cotangent)
    named = dict(zip(parameters, grads, strict=True))
    return {"output": output.value, "grad_input": grad_input, "grads": named, "state": state}


def set_training(module: Any, specs: list[TensorSpec], training: bool) -> None:
    """Let every batch normalisation use the statistics of the batch, or its own."""
    for spec in specs:
        owner, _ = _place(module, spec.name)
        if isinstance(owner, (BatchNorm, Folded)):
            owner.training = training


def _set(module: Any, specs: list[TensorSpec], arrays: Mapping[str, Any]) -> None:
    for spec in specs:
        if spec.name in arrays:
            setattr(*_place(module, spec.name), arrays[spec.name])


def _statistics(module: Any, specs: list[TensorSpec]) -> dict[str, np.ndarray]:
    found = {spec.name: getattr(*_place(module, spec.name)) for spec in specs if not spec.trainable}
    return {
        name: each.value if isinstance(each, Variable) else each for name, each in found.items()
    }


def _place(module: Any, name: str) -> tuple[Any, str]:
    """Who holds a tensor, and under which attribute."""
    path, _, leaf = name.rpartition(".")
    return submodule(module, path), leaf
