"""What Keras alone is given, types, policies and tensors, is refused in words of this project."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ghost_tf import GhostConv, GhostResNet20, SqueezeExcite
from weights import ArgumentError

NO_TYPE = "must be of type float16, bfloat16, float32, float64, got"
NO_POLICY = "`dtype` must be a type such as 'float32' or a policy of Keras', got"
X = np.zeros((1, 4, 4, 3), np.float32)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("int8", f"{NO_POLICY} 'int8'"),
        ("complex64", f"`dtype` {NO_TYPE} complex64: cast it"),
        ("x", f"{NO_POLICY} 'x'"),
        (10**30, f"{NO_POLICY} {10**30}"),
    ],
)
@pytest.mark.parametrize("kind", [GhostConv, GhostResNet20])
def test_a_type_that_is_none_is_refused(kind: Any, dtype: Any, message: str) -> None:
    arguments = (3, 8) if kind is GhostConv else ()
    with pytest.raises(ArgumentError) as error:
        kind(*arguments, dtype=dtype)

    assert str(error.value) == message


@pytest.mark.parametrize("kind", [GhostConv, SqueezeExcite])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (None, "the input must be a dense tensor, got NoneType"),
        ([[1.0]], "the input must be a dense tensor, got list"),
        (tf.sparse.from_dense(X), "the input must be a dense tensor, got SparseTensor"),
        (tf.ragged.constant([[1.0], []]), "the input must be a dense tensor, got RaggedTensor"),
        (tf.cast(X, tf.complex64), f"the input {NO_TYPE} complex64: cast it"),
    ],
    ids=["None", "list", "sparse", "ragged", "complex64"],
)
def test_an_input_that_a_convolution_cannot_take_is_refused(
    kind: Any, x: Any, message: str
) -> None:
    arguments = (3, 8) if kind is GhostConv else (3, 1.0)
    with pytest.raises(ArgumentError) as error:
        kind(*arguments)(x)

    assert str(error.value) == message


def test_an_empty_batch_gives_an_empty_batch() -> None:
    assert GhostConv(3, 8)(np.zeros((0, 5, 5, 3), np.float32)).shape == (0, 5, 5, 8)
