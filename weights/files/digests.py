"""SHA-256 digests of tensors and of everything that decides what a module computes."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from weights.errors import FormatError
from weights.tensors import DTYPES

# Bytes from which starting threads costs less than it saves.
WORTH_THREADS, MOST_THREADS = 1 << 20, 4
NAMES = {value: key for key, value in DTYPES.items()}


def canonical_json(value: Any) -> bytes:
    """Return the one spelling of a JSON value: sorted keys, no spaces, ASCII, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def little_endian(array: np.ndarray) -> np.ndarray:
    """Return the array in C order and little-endian, copied only where it is not so already.

    safetensors 0.8.0 writes the buffer of a transposed array as if it were in C order, silently.
    """
    array = np.asarray(array, order="C")
    return array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array


def dtype_name(dtype: DTypeLike) -> str:
    """Return the name that safetensors gives a floating dtype, or NumPy's own for any other.

    >>> dtype_name(np.float32), dtype_name(np.int64)
    ('F32', 'int64')
    """
    return NAMES.get(np.dtype(dtype)) or np.dtype(dtype).name


def common_dtype(tensors: Mapping[str, np.ndarray]) -> np.dtype:
    """Return the one dtype of all tensors; raises `FormatError` where they differ.

    >>> common_dtype({"weight": np.zeros(3, np.float32)})
    dtype('float32')
    """
    dtypes = {np.asarray(array).dtype for array in tensors.values()}
    if len(dtypes) != 1:
        names = ", ".join(sorted(dtype.name for dtype in dtypes)) or "none"
        raise FormatError(
            f"a module is built with one dtype, but the tensors have {names}: build the module "
            "yourself and use load_weights"
        )
    return dtypes.pop()


def tensor_digest(array: np.ndarray) -> str:
    """Return the SHA-256 of a tensor: dtype, shape and little-endian bytes, zero bytes between.

    >>> tensor_digest(np.zeros((2, 3), np.float32))[:16]
    'e1510a32405b695d'
    """
    array = little_endian(array)
    shape = ",".join(map(str, array.shape))
    digest = hashlib.sha256(f"{dtype_name(array.dtype)}\0{shape}\0".encode())
    digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def tensor_digests(tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return the digest of every tensor; in several threads, as hashing takes most of a load."""
    with digests_beside(tensors) as digests:
        return digests()


@contextmanager
def digests_beside(tensors: Mapping[str, np.ndarray]) -> Iterator[Callable[[], dict[str, str]]]:
    """Compute the digest of every tensor beside what the block does, until it ends.

    What it is given computes those that are left, too, and returns all.
    """
    sizes = {name: np.asarray(array).nbytes for name, array in tensors.items()}
    # The largest first: other threads then spend the most time outside of Python's lock.
    left = sorted(tensors, key=sizes.__getitem__)
    found: dict[str, str] = {}

    def work() -> None:
        with suppress(IndexError):  # nothing is left
            while True:
                name = left.pop()
                found[name] = tensor_digest(tensors[name])

    def digests() -> dict[str, str]:
        work()
        for helper in helpers:
            helper.result()
        return {name: found[name] for name in tensors}

    helpers = []
    if sum(sizes.values()) >= WORTH_THREADS:
        from concurrent.futures import ThreadPoolExecutor  # late: start-up time matters

        others = min(os.cpu_count() or 1, MOST_THREADS) - 1
        pool = ThreadPoolExecutor(max(others, 1))
        helpers = [pool.submit(work) for _ in range(others)]
        pool.shutdown(wait=False)
    try:
        yield digests
    finally:
        left.clear()


def content_digest(architecture: str, config: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of architecture, configuration and tensor digests.

    It is the same whichever framework wrote the file, and changes with every number in it.
    """
    content = canonical_json([architecture, dict(config), dict(digests)])
    return hashlib.sha256(content).hexdigest()
