"""The 12 golden cases of the seed's class: evaluation, training output, gradients, statistics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference_files import reference_file
from tests.seed.ratios import PARTS, build, output_ratio, ratios, statistics_ratio
from tests.seed.reference import CASE_IDS, seed_case

# Where each case takes a while, in JAX a compilation: of these `make quick` takes some.
QUICK = {"ghost_jax": ("07",), "ghost_tf": ("05", "07")}

in_every_case = pytest.mark.parametrize("case_id", CASE_IDS)
in_every_part = pytest.mark.parametrize("part", PARTS)


def in_process(package: str, dtype: str) -> list[Any]:
    """All cases of a package."""
    quick = QUICK.get(package, CASE_IDS)
    return [
        pytest.param(package, dtype, case, marks=() if case in quick else (pytest.mark.slow,))
        for case in CASE_IDS
    ]


@cache
def ratios_of_jax_in_float64() -> dict[str, dict[str, float]]:
    """All cases in one process that has float64 from its start."""
    command = [sys.executable, "-m", "tests.seed.ratios", "ghost_jax", "float64"]
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@in_every_part
@pytest.mark.parametrize(
    ("package", "dtype", "case_id"),
    [
        *in_process("ghost_torch", "float64"),
        *in_process("ghost_torch", "float32"),
        *in_process("ghost_jax", "float32"),
        *in_process("ghost_tf", "float64"),
        *in_process("ghost_tf", "float32"),
    ],
)
def test_every_number_is_the_seeds(package: str, dtype: str, case_id: str, part: str) -> None:
    pytest.importorskip(package)

    worst = ratios(package, dtype, case_id)[part]

    assert worst <= 1, f"{part}: the worst error is {worst:.3g} times what is allowed"


@pytest.mark.matrix
@in_every_part
@in_every_case
def test_every_number_is_the_seeds_in_jax_in_float64(case_id: str, part: str) -> None:
    pytest.importorskip("flax")
    reference_file("seed/ghost_conv_cases.safetensors")

    worst = ratios_of_jax_in_float64()[case_id][part]

    assert worst <= 1, f"{part}: the worst error is {worst:.3g} times what is allowed"


@in_every_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_oracle_evaluates_as_the_seed(case_id: str, dtype: str) -> None:
    case = seed_case(case_id)

    worst = output_ratio(build("conformance.oracle", dtype, case)(case.x), case.output, dtype)

    assert worst <= 1, f"the worst error is {worst:.3g} times what is allowed"


@in_every_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_eps_of_a_thousandth_would_be_noticed(case_id: str, dtype: str) -> None:
    case = seed_case(case_id)
    wrong = build("conformance.oracle", dtype, case, bn_eps=1e-3)

    assert output_ratio(wrong(case.x), case.output, dtype) > 1


@in_every_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_momentum_of_nine_tenths_would_be_noticed(case_id: str, dtype: str) -> None:
    case = seed_case(case_id)
    wrong = trained_oracle(case_id, dtype, bn_momentum=0.9)

    assert statistics_ratio(wrong, case.statistics, dtype) > 1


@in_every_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_biased_variance_would_be_noticed(case_id: str, dtype: str) -> None:
    case = seed_case(case_id)
    count = case.training_output[:, 0].size
    right = trained_oracle(case_id, dtype)

    wrong = right | {
        name: biased(case.weights[name], right[name], count)
        for name in right
        if name.endswith("running_var")
    }

    assert statistics_ratio(right, case.statistics, dtype) <= 1
    assert statistics_ratio(wrong, case.statistics, dtype) > 1


def trained_oracle(case_id: str, dtype: str, **changed: Any) -> dict[str, np.ndarray]:
    """The running statistics of the oracle after a training step."""
    case = seed_case(case_id)
    adapter = build("conformance.oracle", dtype, case, **changed)
    for half in (adapter.module.primary_conv, adapter.module.cheap_conv):
        if half is not None:
            half.norm.training = True
    adapter(case.x)
    return {name: adapter.state()[name] for name in case.statistics}


def biased(before: np.ndarray, after: np.ndarray, count: int) -> np.ndarray:
    """A running variance as it would be with the biased variance of `count` values."""
    batch = (after - 0.9 * before) / 0.1
    return (0.9 * before + 0.1 * batch * (count - 1) / count).astype(after.dtype)
