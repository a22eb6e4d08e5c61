"""Implementations that misbehave, for the tests of the harness."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conformance import NotSupported
from tests.conformance import plain


class Fake:
    """A callable object; each fake overrides what it does with an input."""

    def __init__(self, architecture: str, config: Mapping[str, Any], weights: Any) -> None:
        is_layer = architecture == "ghost_conv"
        self.right: Any = plain.GhostConv(config, weights) if is_layer else None

    def __call__(self, x: np.ndarray) -> Any:
        return self.right(x)


class Hangs(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        time.sleep(60)


class Exits(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        print("these are my last words", flush=True)
        os._exit(7)


class Crashes(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)


class Raises(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        raise RuntimeError("out of ideas")


class Prints(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        print("noise on standard output")
        print("noise on standard error", file=sys.stderr)
        return self.right(x)


class ChangesInput(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        out = self.right(x)
        x += 1
        return out


class KeepsInput(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        self.kept = x[:1]
        return self.right(x)


class KeepsFrame(Fake):
    """Keeps the frame of a call that has returned, as tracers do, and with it the local names."""

    def __call__(self, x: np.ndarray) -> Any:
        self.frame = sys._getframe()
        return self.right(x)


class ReturnsNothing(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        return None


class ReturnsLists(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        return self.right(x).tolist()


class Refuses(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        raise NotSupported("no even kernels")


class FailsOnce(Fake):
    """Dies on the first call of every process whose marker file is absent."""

    def __call__(self, x: np.ndarray) -> Any:
        marker = os.environ["FAILS_ONCE"]
        if not os.path.exists(marker):  # noqa: PTH110
            with open(marker, "w"):  # noqa: PTH123
                os._exit(3)
        return self.right(x)


class RaisesControls(Fake):
    def __call__(self, x: np.ndarray) -> Any:
        raise RuntimeError("\x1b[31mred\x00\ud800")


class Slow(Fake):
    """Says by a file that it is being asked, and takes its time."""

    def __call__(self, x: np.ndarray) -> Any:
        Path(os.environ["SLOW_STARTED"]).touch()
        time.sleep(0.2)
        return self.right(x)


class FailsHalfWay(Fake):
    """Changes itself in a training step and in a load, and raises in their middle."""

    scale = 1

    def __call__(self, x: np.ndarray) -> Any:
        return self.scale * self.right(x)

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> Any:
        self.scale = 2
        raise RuntimeError("half way")

    def load(self, path: str) -> None:
        self.scale = 2
        raise RuntimeError("half way")


class SavesNothing(Fake):
    def save(self, path: str) -> None:
        pass


class TapsNothing(Fake):
    def taps(self, x: np.ndarray) -> Any:
        return {"middle": x}


class TapsOneLogit(Fake):
    def taps(self, x: np.ndarray) -> Any:
        return {"logits": np.zeros(len(x), np.float32)}
