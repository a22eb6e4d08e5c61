"""An input lent to an implementation, which must neither change nor keep it."""

import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np

from weights import ArgumentError

# Bytes to which frameworks align their tensors.
ALIGNMENT = 64


def lend(run: Callable[[np.ndarray], Any], x: np.ndarray) -> Any:
    """`run` of a copy of x, which it must neither change nor keep a reference to."""
    # No local name holds the copy itself: TensorFlow's tracing looks at the local names of its
    # callers, and leaves references to their values behind.
    lent = _unaligned(x)
    held = _references(lent)
    result = run(lent[1])
    if lent[1].tobytes() != x.tobytes():
        raise ArgumentError("it changed its input in place")
    if _references(lent) > held:
        gc.collect()  # a reference in a garbage cycle is none
        _clear_frames(lent)
    if _references(lent) > held:
        raise ArgumentError("it keeps a reference to its input, which is its caller's")
    return result


def _clear_frames(lent: tuple[np.ndarray, ...]) -> None:
    """Take from frames that have returned what they hold of these arrays.

    Since Python 3.13 who looks at the local names of a frame keeps the frame: TensorFlow's tracing
    keeps those of its callers, which is no reference of the implementation's.
    """
    for holder in gc.get_referrers(*lent):
        if isinstance(holder, FrameType):
            with suppress(RuntimeError):  # of frames that run or wait
                holder.clear()


def _references(lent: tuple[np.ndarray, ...]) -> int:
    return sum(map(sys.getrefcount, lent))


def _unaligned(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A copy of x that is not aligned, and the memory that it lies in.

    TensorFlow and JAX use aligned memory as it is, and keep it for as long as they like; of other
    memory they make a copy of their own.
    """
    step = x.dtype.itemsize
    memory = np.empty(x.size + 2 * ALIGNMENT // step, x.dtype)
    first = (step - memory.ctypes.data) % ALIGNMENT // step
    given = memory[first : first + x.size].reshape(x.shape)
    given[...] = x
    return memory, given
