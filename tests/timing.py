"""The time that a call takes by itself, in a process that holds and does much else."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def soon(seconds: float = 1.0) -> Iterator[None]:
    """Fail where what is done in this context takes longer."""
    gc.freeze()  # whatever else the process holds is not looked through again meanwhile
    began = time.thread_time()
    try:
        yield
        assert time.thread_time() - began < seconds
    finally:
        gc.unfreeze()
