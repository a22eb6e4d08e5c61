"""What the parent and the process of an implementation say to each other, with a deadline."""

from __future__ import annotations

import io
import pickle
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("!Q")
# Of one message. An answer of a case has some megabytes, a trained network's stages some hundred.
MOST_BYTES = 1 << 32
# How often who waits looks whether the other is still alive, in seconds.
LOOK = 0.5
# What an array is pickled as: nothing else from an implementation's process becomes an object here.
ARRAYS = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


class Channel:
    """One end of a connection.

    Raises `TimeoutError`, and `EOFError` or another `OSError` where the other end has gone.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: Any, deadline: float | None = None) -> None:
        """Say something."""
        data = pickle.dumps(message, protocol=5)
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(LENGTH.pack(len(data)))
        self._socket.sendall(data)

    def receive_trusted(self) -> Any:
        """What the parent said, however long it takes to say something."""
        return pickle.loads(self._receive(None, _always))

    def receive(self, deadline: float, is_alive: Callable[[], bool]) -> Any:
        """What an implementation's process said: numbers, texts, arrays, collections of them.

        Raises `pickle.UnpicklingError` and the like for anything else.
        """
        return _Arrays(io.BytesIO(self._receive(deadline, is_alive))).load()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _receive(self, deadline: float | None, is_alive: Callable[[], bool]) -> bytearray:
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size, deadline, is_alive))
        if size > MOST_BYTES:
            raise pickle.UnpicklingError(f"a message of {size} bytes, more than {MOST_BYTES}")
        return self._exactly(size, deadline, is_alive)

    def _exactly(
        self, size: int, deadline: float | None, is_alive: Callable[[], bool]
    ) -> bytearray:
        data = bytearray()
        while len(data) < size:
            left = _left(deadline)
            self._socket.settimeout(LOOK if left is None else min(LOOK, left))
            try:
                part = self._socket.recv(min(size - len(data), 1 << 20))
            except TimeoutError:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
                if not is_alive():
                    raise EOFError from None
                continue
            if not part:
                raise EOFError
            data += part
        return data


class _Arrays(pickle.Unpickler):
    """Reads arrays and what Python's own collections hold."""

    def find_class(self, module: str, name: str) -> Any:
        """The few functions that arrays are made by, or `UnpicklingError`."""
        if (module, name) in ARRAYS or module == "ml_dtypes":
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"an object of {module}.{name}")


def _always() -> bool:
    return True


def _left(deadline: float | None) -> float | None:
    """Seconds until the deadline, never none: none would not even try."""
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)
