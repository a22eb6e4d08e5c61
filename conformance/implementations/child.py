"""The process of an implementation: it answers its parent, and ends with it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from conformance.implementations.channel import Channel
from conformance.implementations.registry import ORACLE, OURS, load, target
from conformance.implementations.watch import Watch
from conformance.implementations.worker import Worker, refusal

# How often the child looks whether its parent is still there, in seconds.
LOOK = 1.0
# Of the suite's modules, what an implementation may use.
PUBLIC = (
    "conformance",
    "conformance.cases",
    "conformance.cases.case",
    "conformance.implementations",
    "conformance.implementations.errors",
    "conformance.judging",
    "conformance.judging.verdict",
)


def main(descriptor: str, name: str, repeat: str) -> None:
    """Answer requests until the parent hangs up; `repeat` is empty or not."""
    own = os.getpid()
    del sys.argv[1:]  # some frameworks read them
    channel = Channel(socket.socket(fileno=int(descriptor)))
    Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    if target(name)[0].partition(".")[0] not in (*OURS, "conformance"):
        sys.path.insert(0, str(Path.cwd()))  # where people keep an implementation of their own
    # Who is called the oracle is taken for nothing else.
    watch = None if name == ORACLE else Watch(name)
    _hide_the_suite()
    try:
        _serve(channel, name, bool(repeat), watch)
    finally:
        _end_a_copy(own)


def _serve(channel: Channel, name: str, repeat: bool, watch: Watch | None) -> None:
    own = os.getpid()

    def answer(reply: tuple[str, Any]) -> None:
        _end_a_copy(own)
        channel.send((*reply, watch.remarks() if watch else []))

    try:
        build, told = load(name)
    except Exception as error:
        answer(refusal(error))
        return
    answer(("done", told))
    worker = Worker(build, repeat)
    with suppress(EOFError):
        while True:
            request, arguments = channel.receive_trusted()
            answer(worker.answer(request, arguments))


def _end_a_copy(own: int) -> None:
    """End a process that was forked within a request: it must not answer, nor clean up."""
    if os.getpid() != own:
        os._exit(0)


def _hide_the_suite() -> None:
    """Forget this process's own modules of the suite: whoever imports them is heard."""
    for key in [key for key in sys.modules if key.partition(".")[0] == "conformance"]:
        if key not in PUBLIC:
            del sys.modules[key]
            package, _, name = key.rpartition(".")
            if package in PUBLIC:
                vars(sys.modules[package]).pop(name, None)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    with suppress(OSError):
        os.killpg(0, signal.SIGKILL)
