"""Digests: defined by bytes anybody can put together, and different where anything differs."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from weights import FormatError, content_digest, tensor_digest
from weights.files import digests
from weights.files.digests import canonical_json, common_dtype, dtype_name

CONTENT = ("ghost_conv", {"c_in": 8}, {"weight": "ff"})


def test_a_tensor_digest_is_that_of_dtype_shape_and_bytes() -> None:
    array = np.array([[1.0, 2.0, 3.0]], np.float32)
    content = b"F32\x001,3\x00" + array.astype("<f4").tobytes()

    assert tensor_digest(array) == hashlib.sha256(content).hexdigest()


def test_the_content_digest_is_that_of_canonical_json() -> None:
    text = b'["ghost_conv",{"c_in":8,"stride":[1,2]},{"bias":"00","weight":"ff"}]'
    digests = {"weight": "ff", "bias": "00"}

    found = content_digest("ghost_conv", {"stride": [1, 2], "c_in": 8}, digests)

    assert found == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((3, 2), np.float32),
        np.zeros((2, 3), np.float64),
        np.zeros(6, np.float32),
        np.array([[0, 0, 0], [0, 0, -0.0]], np.float32),
        np.zeros((2, 3), np.int32),
    ],
)
def test_another_shape_type_or_bit_has_another_digest(other: np.ndarray) -> None:
    assert tensor_digest(other) != tensor_digest(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["<f4", ">f4"])
def test_a_digest_is_that_of_the_numbers(order: Any, byte_order: str) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)

    assert tensor_digest(np.array(array, byte_order, order=order)) == tensor_digest(array)


@pytest.mark.parametrize(
    "other",
    [
        ("ghost_resnet20", {"c_in": 8}, {"weight": "ff"}),
        ("ghost_conv", {"c_in": 9}, {"weight": "ff"}),
        ("ghost_conv", {"c_in": 8}, {"weight": "fe"}),
        ("ghost_conv", {"c_in": 8}, {"bias": "ff"}),
    ],
)
def test_the_content_digest_covers_architecture_configuration_and_tensors(other: Any) -> None:
    assert content_digest(*other) != content_digest(*CONTENT)


def test_canonical_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (np.float64, "F64"),
        (np.float32, "F32"),
        (np.float16, "F16"),
        (ml_dtypes.bfloat16, "BF16"),
        (np.uint8, "uint8"),
    ],
)
def test_a_dtype_has_its_name_in_the_file(dtype: Any, name: str) -> None:
    assert dtype_name(dtype) == name


def test_a_module_of_two_dtypes_is_refused() -> None:
    tensors = {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float16)}

    with pytest.raises(FormatError) as caught:
        common_dtype(tensors)

    assert str(caught.value) == (
        "a module is built with one dtype, but the tensors have float16, float32: build the module "
        "yourself and use load_weights"
    )


def test_no_digest_is_begun_after_a_file_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, refused = [], threading.Event()

    def slow_digest(array: np.ndarray) -> str:
        begun.append(array)
        refused.wait(60)
        return ""

    monkeypatch.setattr(digests, "tensor_digest", slow_digest)
    monkeypatch.setattr(digests.os, "cpu_count", lambda: 2)
    before = set(threading.enumerate())
    tensors = {str(index): np.zeros(2**18, np.float32) for index in range(8)}

    with pytest.raises(FormatError), digests.digests_beside(tensors):
        raise FormatError("it is no such file")
    refused.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()

    assert len(begun) <= 1
