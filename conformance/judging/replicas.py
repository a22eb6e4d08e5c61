"""The reference of training on replicas, and the rule that judges each of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.cases.model import Model
from conformance.cases.tensors import Tensors
from conformance.judging.stages import Reference
from conformance.judging.steps import (
    Make,
    MakeVariable,
    flatten_step,
    judge_step,
    perturbed_reference,
)
from conformance.judging.verdict import Outcome, first_failure
from conformance.oracle.training import replica_steps
from weights.columns.replicas import ReplicaRun

# Each takes every step; the errors of later ones differ less than those of the first.
PERTURBED_RUNS = 4


def reference_replicas(model: Model, run: ReplicaRun) -> list[Reference]:
    """Every array of every step in float64, and the error that float32 is allowed."""

    def arrays(dtype: Any, make: Make, variable: MakeVariable) -> Tensors:
        steps = enumerate(replica_steps(make(model), run, variable))
        return {f"{at} {n}": array for at, step in steps for n, array in flatten_step(step).items()}

    found = perturbed_reference(arrays, PERTURBED_RUNS)
    return [found.part(f"{number} ") for number in range(len(run.steps))]


def judge_replicas(steps: list[Any], wanted: list[Reference]) -> Outcome:
    """Compare every step by the rule of tier `training`; the first that is wrong is reported."""
    if len(steps) != len(wanted):
        return Outcome.failed(f"{len(wanted)} steps gave {len(steps)} results")
    if not all(isinstance(step, Mapping) for step in steps):
        return Outcome.failed("every step must be a dict")
    return first_failure(
        (f"step {number}", judge_step(step, reference))
        for number, (step, reference) in enumerate(zip(steps, wanted, strict=True), 1)
    )
