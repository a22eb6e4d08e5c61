"""Checks before a load: one report with every reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from weights import Config, MismatchError, TensorSpec, check_tensors

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
