"""Messages between the parent and the process of an implementation, with a deadline."""

from __future__ import annotations

import io
import pickle
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("!Q")
# The results of a case have some megabytes, the stages of a trained network some hundred.
MESSAGE_LIMIT = 1 << 32
# Seconds between two looks of the waiting end at whether the other is still alive.
POLL_SECONDS = 0.5
# The functions that a pickled array calls: no other object of an implementation is made here.
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
        """Send an object; raises `TimeoutError` where the other end does not read it."""
        data = pickle.dumps(message, protocol=5)
        self._socket.settimeout(_remaining(deadline))
        self._socket.sendall(LENGTH.pack(len(data)))
        self._socket.sendall(data)

    def receive_trusted(self) -> Any:
        """The next message of the parent, for which there is no deadline."""
        return pickle.loads(self._receive(None, lambda: True))

    def receive(self, deadline: float, is_alive: Callable[[], bool]) -> Any:
        """The next message of an implementation: numbers, texts, arrays, collections of them.

        `is_alive` is asked while nothing comes. Raises `pickle.UnpicklingError` and the
        like for anything else.
        """
        return _Arrays(io.BytesIO(self._receive(deadline, is_alive))).load()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _receive(self, deadline: float | None, is_alive: Callable[[], bool]) -> bytearray:
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size, deadline, is_alive))
        if size > MESSAGE_LIMIT:
            raise pickle.UnpicklingError(f"a message of {size} bytes, more than {MESSAGE_LIMIT}")
        return self._exactly(size, deadline, is_alive)

    def _exactly(
        self, size: int, deadline: float | None, is_alive: Callable[[], bool]
    ) -> bytearray:
        data = bytearray()
        while len(data) < size:
            self._socket.settimeout(min(POLL_SECONDS, _remaining(deadline) or POLL_SECONDS))
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
    """Reads arrays, and Python's own numbers, texts and collections."""

    def find_class(self, module: str, name: str) -> Any:
        """One of the functions that arrays call; raises `UnpicklingError` for any other."""
        if (module, name) in ARRAYS or module == "ml_dtypes":
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"an object of {module}.{name}")


def _remaining(deadline: float | None) -> float | None:
    """Seconds until the deadline, more than 0, with which a socket would not even try."""
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)
