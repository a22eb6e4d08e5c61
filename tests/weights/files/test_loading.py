"""Checks before a load: one report with every reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from weights import Config, MismatchError, TensorSpec, check_tensors
from weights.files.loading import value_problems
from weights.files.storage import read_safetensors, write_safetensors

SPECS = [
    TensorSpec("a.weight", "convolution", (2, 3, 1, 1)),
    TensorSpec("a.bias", "norm_bias", (2,)),
    TensorSpec("b.weight", "norm_weight", (4,)),
    TensorSpec("b.bias", "norm_bias", (4,)),
]


def test_right_tensors_pass(layer: Config, random_tensors: Callable[..., Any]) -> None:
    tensors = random_tensors(layer)

    check_tensors(layer.tensors(), tensors, dtypes=dict.fromkeys(tensors, np.float32))


def test_a_report_names_every_problem_at_once() -> None:
    tensors = {
        "a.weight": np.zeros((3, 2, 1, 1), np.float32),
        "a.bias": [0.0, 0.0],
        "b.weigth": np.zeros(4, np.float32),
        "b.bias": np.zeros(4, np.int64),
    }

    with pytest.raises(MismatchError) as caught:
        check_tensors(SPECS, tensors, what="cannot load x", earlier=["`stride` is 1 and 2"])

    assert str(caught.value).splitlines() == [
        "cannot load x; nothing was changed. 6 problems:",
        "  - `stride` is 1 and 2",
        "  - missing tensor 'b.weight' of shape (4,) (is 'b.weigth' meant?)",
        "  - unexpected tensor 'b.weigth' (is 'b.weight' meant?)",
        "  - tensor 'a.weight' must have shape (2, 3, 1, 1), got (3, 2, 1, 1)",
        "  - tensor 'a.bias' must be a NumPy array, got list",
        "  - tensor 'b.bias' must be one of F64, F32, F16, BF16, got int64",
    ]


def test_a_dtype_other_than_the_modules_is_a_problem() -> None:
    tensors = {spec.name: np.zeros(spec.shape, np.float64) for spec in SPECS}
    dtypes = {spec.name: np.float64 for spec in SPECS} | {"b.bias": np.float16}

    with pytest.raises(MismatchError) as caught:
        check_tensors(SPECS, tensors, dtypes=dtypes)

    assert caught.value.problems == (
        "tensor 'b.bias' must be F16 as in the module, got F64: build the module with that dtype, "
        "or cast the tensors",
    )


def test_one_problem_is_counted_in_the_singular() -> None:
    tensors = {spec.name: np.zeros(spec.shape) for spec in SPECS} | {"extra": np.zeros(1)}

    with pytest.raises(MismatchError) as caught:
        check_tensors(SPECS, tensors)

    assert str(caught.value).splitlines() == [
        "cannot load weights; nothing was changed. 1 problem:",
        "  - unexpected tensor 'extra'",
    ]


def test_no_tensors_at_all_are_all_missing() -> None:
    with pytest.raises(MismatchError) as caught:
        check_tensors(SPECS, {})

    assert len(caught.value.problems) == len(SPECS)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "dtypes",
    [
        pytest.param((np.float32,) * 3, id="float32"),
        pytest.param((np.float16,) * 3, id="float16"),
        pytest.param((ml_dtypes.bfloat16,) * 3, id="bfloat16"),
        pytest.param((np.float32, np.float64, np.float16), id="several"),
    ],
)
def test_a_number_that_is_not_finite_is_found_in_any_tensor_of_a_file(
    tmp_path: Path, dtypes: tuple[Any, ...], place: int
) -> None:
    tensors = {name: np.full(5, 60_000, dtype) for name, dtype in zip("abc", dtypes, strict=True)}
    specs = [TensorSpec(name, "norm_bias", (5,)) for name in tensors]
    write_safetensors(tmp_path / "right", tensors, {})
    tensors["abc"[place]][4] = np.inf
    write_safetensors(tmp_path / "wrong", tensors, {})

    assert not value_problems(specs, read_safetensors(tmp_path / "right")[0])
    (problem,) = value_problems(specs, read_safetensors(tmp_path / "wrong")[0])
    assert problem == (
        f"tensor '{'abc'[place]}' has inf at [4], which is not finite (1 such in 5 values)"
    )
