"""The reference of a sequence: what each use of one object gives after those before it.

What was asked for before changes nothing but the statistics, and those by training steps alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from conformance.cases.model import Model
from conformance.cases.sequences import CALL, LOAD, OF_FILES, REFUSE, STEP, Given
from conformance.cases.tensors import Tensors
from conformance.judging import bounds
from conformance.judging.compare import compare_arrays
from conformance.judging.stages import Reference
from conformance.judging.steps import (
    Make,
    MakeVariable,
    flatten_step,
    judge_step,
    perturbed_reference,
)
from conformance.judging.verdict import Outcome, first_failure
from conformance.oracle import weights_io
from conformance.oracle.training import train_step

OUTPUT = "output"
# Each takes every use; their errors differ less than those of a single step.
PERTURBED_RUNS = 3


def reference_sequence(model: Model, uses: Sequence[Given], unit: float) -> list[Reference]:
    """The arrays of every use in float64, and the error allowed to each; none of files.

    Outputs of a GhostConv that takes no step have the bound of each element; a step has the rule of
    tier `training`, whatever comes before and after it.
    """
    if model.architecture == "ghost_conv" and all(use.method != STEP for use in uses):
        return list(_bounded(model, uses, unit))

    def run(dtype: Any, make: Make, variable: MakeVariable) -> Tensors:
        results = enumerate(_run(model, uses, dtype, make, variable))
        return {f"{number} {name}": array for number, each in results for name, array in each}

    found = perturbed_reference(run, PERTURBED_RUNS)
    return [found.part(f"{number} ") for number in range(len(uses))]


def judge_sequence(
    results: Sequence[Any], uses: Sequence[Given], wanted: Sequence[Reference]
) -> Outcome:
    """Compare the result of every use with its reference; the first that is wrong is reported."""
    if len(results) != len(uses):
        return Outcome.failed(f"{len(uses)} uses gave {len(results)} results")
    return first_failure(
        (_name(number, use), _judge(use, result, reference))
        for number, (use, result, reference) in enumerate(
            zip(uses, results, wanted, strict=True), 1
        )
    )


def _name(number: int, use: Given) -> str:
    of_file = f" of a file {use.file}" if use.method in OF_FILES else ""
    return f"use {number}, {use.method}{of_file}"


def _judge(use: Given, result: Any, wanted: Reference) -> Outcome:
    if use.method == LOAD:
        return Outcome.passed()
    if use.method == REFUSE:
        return Outcome.passed() if result is True else Outcome.failed("it was loaded")
    if use.method == STEP and isinstance(result, dict):
        return judge_step(result, wanted)
    if use.method == CALL and isinstance(result, np.ndarray):
        return compare_arrays(result, wanted.values[OUTPUT], wanted.allowed[OUTPUT])
    return Outcome.failed(f"its process sent a {type(result).__name__}")


def _bounded(model: Model, uses: Sequence[Given], unit: float) -> Iterator[Reference]:
    layer = weights_io.build(*model.astype(np.float64))
    for method, arrays, other, _ in uses:
        if method == LOAD:
            layer = weights_io.build(*other.astype(np.float64))
        if method in OF_FILES:
            yield Reference({}, {})
        else:
            found = bounds.ghost_conv(layer, arrays["x"].astype(np.float64), unit)
            yield Reference({OUTPUT: found.value}, {OUTPUT: found.error})


def _run(
    model: Model, uses: Sequence[Given], dtype: Any, make: Make, variable: MakeVariable
) -> Iterator[list[tuple[str, np.ndarray]]]:
    """The named arrays of every use of one module of the oracle."""
    module = make(model)
    for method, arrays, other, _ in uses:
        given = [array.astype(dtype) for array in arrays.values()]
        if method == LOAD:
            module = make(other)
        if method in OF_FILES:
            yield []
        elif method == CALL:
            yield [(OUTPUT, module(variable(*given)).value)]
        else:
            x, cotangent = given
            yield list(flatten_step(train_step(module, x, cotangent, variable)).items())
