"""How far an implementation is from the seed's class, as a ratio of error to what is allowed.

As a program, `python -m tests.seed.ratios PACKAGE DTYPE`, it writes the ratios of all cases as
JSON: JAX has float64 only in a process that starts with it.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from tests.seed.reference import CASE_IDS, SeedCase, Tensors, seed_case

ALLOWED_ROUNDINGS = 64
PARTS = ("output", "training output", "gradients", "running statistics")


@cache
def ratios(package: str, dtype: str, case_id: str) -> dict[str, float]:
    """The worst ratio of every part of a case, evaluation before training."""
    case = seed_case(case_id)
    adapter = build(package, dtype, case)
    output = adapter(case.x)
    step = adapter.train_step(case.x, case.cotangent)
    return {
        "output": output_ratio(output, case.output, dtype),
        "training output": output_ratio(step["output"], case.training_output, dtype),
        "gradients": gradient_ratio(step, case.gradients, dtype),
        "running statistics": statistics_ratio(step["state"], case.statistics, dtype),
    }


def build(package: str, dtype: str, case: SeedCase, **changed: Any) -> Any:
    """A package's adapter with the case's layer, some arguments changed."""
    module = importlib.import_module(f"{package}.adapter")
    return module.build("ghost_conv", case.config | changed, case.weights_as(dtype))


def output_ratio(got: np.ndarray, wanted: np.ndarray, dtype: str) -> float:
    """Every element within 64 unit roundoffs of the largest magnitude."""
    return _ratio(got, wanted, np.abs(wanted).max(), dtype)


def statistics_ratio(got: Tensors, wanted: Tensors, dtype: str) -> float:
    """The worst of the running statistics, each against its own magnitude."""
    return max(output_ratio(got[name], wanted[name], dtype) for name in wanted)


def gradient_ratio(step: Mapping[str, Any], wanted: Tensors, dtype: str) -> float:
    """The worst of all gradients, against the largest magnitude among them.

    A tensor's own magnitude would be no gauge: where normalisation follows a kernel of one weight,
    scaling that weight changes nothing, and its true gradient is nearly zero.
    """
    got = {"input": step["grad_input"], **step["grads"]}
    gauge = max(np.abs(array).max() for array in wanted.values())
    return max(_ratio(got[name], wanted[name], gauge, dtype) for name in wanted)


def _ratio(got: np.ndarray, wanted: np.ndarray, gauge: float, dtype: str) -> float:
    if got.shape != wanted.shape or got.dtype != dtype:
        return np.inf
    unit_roundoff = np.finfo(dtype).eps / 2
    error = np.abs(got.astype(np.float64) - wanted).max()
    return float(error / (ALLOWED_ROUNDINGS * unit_roundoff * gauge))


if __name__ == "__main__":
    package, dtype = sys.argv[1:]
    json.dump({case_id: ratios(package, dtype, case_id) for case_id in CASE_IDS}, sys.stdout)
