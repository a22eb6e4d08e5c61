"""Implementations that look where they must not, or do what ends a careless harness."""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from conformance import NotSupported
from tests.conformance.plain import GhostConv

Answer = Callable[[GhostConv, np.ndarray], Any]
Build = Callable[[str, Mapping[str, Any], Mapping[str, np.ndarray]], Any]


def _build(answer: Answer) -> Build:
    """A build function whose object answers so."""

    def build(architecture: str, config: Mapping[str, Any], weights: Any) -> Any:
        layer = GhostConv(config, weights)
        return lambda x: answer(layer, x)

    return build


right = _build(lambda layer, x: layer(x))


@_build
def imports_the_oracle(layer: GhostConv, x: np.ndarray) -> Any:
    from conformance.oracle import weights_io

    return weights_io.build("ghost_conv", layer.plan.to_dict(), layer.weights)(x)


@_build
def imports_and_forgets_the_oracle(layer: GhostConv, x: np.ndarray) -> Any:
    before = set(sys.modules)
    importlib.import_module("conformance.oracle")
    for name in set(sys.modules) - before:
        del sys.modules[name]
    return layer(x)


@_build
def reads_the_oracle(layer: GhostConv, x: np.ndarray) -> Any:
    import conformance

    Path(conformance.__path__[0], "oracle", "ghost_conv.py").read_text()
    return layer(x)


@_build
def reads_kept_answers(layer: GhostConv, x: np.ndarray) -> Any:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    with suppress(OSError):
        Path(caches, "ghostconv", "references", "answer.npz").read_bytes()
    return layer(x)


@_build
def imports_the_oracle_in_a_fork(layer: GhostConv, x: np.ndarray) -> Any:
    child = os.fork()
    if not child:
        importlib.import_module("conformance.oracle")
        os._exit(0)
    os.waitpid(child, 0)
    return layer(x)


@_build
def imports_a_tier(layer: GhostConv, x: np.ndarray) -> Any:
    importlib.import_module("conformance.cases.counts")
    return layer(x)


@_build
def changes_the_worker(layer: GhostConv, x: np.ndarray) -> Any:
    importlib.import_module("conformance.implementations.worker")
    return layer(x)


@_build
def walks_the_frames(layer: GhostConv, x: np.ndarray) -> Any:
    frame: Any = sys._getframe()
    while frame is not None and "worker" not in frame.f_locals:
        frame = frame.f_back
    return layer(x)


@_build
def inspects_the_stack(layer: GhostConv, x: np.ndarray) -> Any:
    inspect.stack()
    return layer(x)


@_build
def raises_for_a_frame(layer: GhostConv, x: np.ndarray) -> Any:
    try:
        raise RuntimeError
    except RuntimeError as error:
        assert error.__traceback__ is not None
        assert error.__traceback__.tb_frame.f_back is not None
    return layer(x)


@_build
def collects_everything(layer: GhostConv, x: np.ndarray) -> Any:
    gc.get_objects()
    return layer(x)


@_build
def logs_and_warns(layer: GhostConv, x: np.ndarray) -> Any:
    import logging
    import traceback
    import warnings

    logging.getLogger("mine").warning("slow")
    warnings.warn("slow", stacklevel=2)
    traceback.print_stack()
    try:
        raise RuntimeError
    except RuntimeError:
        traceback.print_exc()
    return layer(x)


@_build
def zeros(layer: GhostConv, x: np.ndarray) -> Any:
    return np.zeros_like(layer(x))


coarse, tiny, texted, unknown = zeros, zeros, zeros, zeros
PRECISIONS: dict[str, Any] = {
    "coarse": {"unit_roundoff": 0.12},
    "tiny": {"largest": 0.0},
    "texted": {"unit_roundoff": "0.001"},
    "unknown": {"ulp": 1.0},
    "sixteen_bits": {"unit_roundoff": 2.0**-8},
}
sixteen_bits = right


@_build
def forks(layer: GhostConv, x: np.ndarray) -> Any:
    os.fork()
    return layer(x)


@_build
def forks_and_dies(layer: GhostConv, x: np.ndarray) -> Any:
    if os.fork():
        os._exit(5)
    time.sleep(60)


@_build
def starts_a_sleeper(layer: GhostConv, x: np.ndarray) -> Any:
    sleeper = subprocess.Popen(["sleep", "600"])
    Path(os.environ["SLEEPER"]).write_text(str(sleeper.pid))
    return layer(x)


@_build
def starts_a_sleeper_and_waits(layer: GhostConv, x: np.ndarray) -> Any:
    sleeper = subprocess.Popen(["sleep", "600"])
    Path(os.environ["SLEEPER"]).write_text(f"{os.getpid()} {sleeper.pid}")
    time.sleep(600)


@_build
def returns_void(layer: GhostConv, x: np.ndarray) -> Any:
    return layer(x).view("V4")


@_build
def returns_complex(layer: GhostConv, x: np.ndarray) -> Any:
    return layer(x).astype(np.complex64)


class Stubborn(np.ndarray):
    def __array_finalize__(self, other: Any) -> None:
        self.shape_of = "nobody"

    def astype(self, *arguments: Any, **more: Any) -> Any:
        raise RuntimeError("never")

    def tobytes(self, *arguments: Any) -> bytes:
        raise RuntimeError("never")

    def __reduce__(self) -> Any:
        return os._exit, (1,)


@_build
def returns_a_subclass(layer: GhostConv, x: np.ndarray) -> Any:
    return layer(x).view(Stubborn)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


@_build
def raises_the_unspeakable(layer: GhostConv, x: np.ndarray) -> Any:
    raise Unspeakable


@_build
def raises_a_book(layer: GhostConv, x: np.ndarray) -> Any:
    raise RuntimeError("x" * 50_000_000)


@_build
def raises_an_unprintable_type(layer: GhostConv, x: np.ndarray) -> Any:
    raise type("\x1b[31m\u202e", (Exception,), {})("\x1b]0;title\x07")


@_build
def never_stops_printing(layer: GhostConv, x: np.ndarray) -> Any:
    while True:
        os.write(1, b"\x1b[31mnoise" * 1000)


@_build
def closes_every_descriptor(layer: GhostConv, x: np.ndarray) -> Any:
    os.closerange(0, 1000)
    return layer(x)


@_build
def writes_to_every_descriptor(layer: GhostConv, x: np.ndarray) -> Any:
    for descriptor in range(3, 100):
        try:
            os.write(descriptor, b"\xff" * 64)
        except OSError:
            continue
    return layer(x)


@_build
def recurses(layer: GhostConv, x: np.ndarray) -> Any:
    return recurses_again(layer, x)


def recurses_again(layer: GhostConv, x: np.ndarray) -> Any:
    return recurses_again(layer, x)


@_build
def exits_in_words(layer: GhostConv, x: np.ndarray) -> Any:
    sys.exit("enough")


@_build
def deletes_the_report(layer: GhostConv, x: np.ndarray) -> Any:
    shutil.rmtree(os.environ["DELETED"])
    return layer(x)


@_build
def replaces_the_report(layer: GhostConv, x: np.ndarray) -> Any:
    shutil.rmtree(os.environ["DELETED"])
    Path(os.environ["DELETED"]).touch()
    return layer(x)


@_build
def judged_by_few(layer: GhostConv, x: np.ndarray) -> Any:
    if layer.plan.channels.c_int > 3:
        raise NotSupported("it is small")
    return layer(x)


@_build
def takes_its_time(layer: GhostConv, x: np.ndarray) -> Any:
    time.sleep(0.3)
    return layer(x)


class Endless(Mapping):  # type: ignore[type-arg]
    def __getitem__(self, key: Any) -> Any:
        return key

    def __iter__(self) -> Iterator[int]:
        return iter(range(10**9))

    def __len__(self) -> int:
        return 10**9


globals()["dollar$name$^[/b]"] = right
