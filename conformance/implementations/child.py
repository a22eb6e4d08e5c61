"""The main function of an implementation's process: it serves its parent, and ends with it."""

from __future__ import annotations

import gc
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

# Seconds between two looks at whether the parent still runs.
POLL_SECONDS = 1.0
# New objects after which Python looks for circles among them: tracing a network makes millions.
COLLECTED = 100_000
# The modules of the suite that an implementation may use.
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
    """Serve requests until the parent closes the connection.

    `descriptor` is that of the socket, `name` that of the implementation; with a `repeat` that is
    not empty, every output is computed twice.
    """
    own = os.getpid()
    del sys.argv[1:]  # some frameworks read them
    channel = Channel(socket.socket(fileno=int(descriptor)))
    Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    if target(name)[0].partition(".")[0] not in (*OURS, "conformance"):
        sys.path.insert(0, str(Path.cwd()))  # where people keep an implementation of their own
    # The oracle may import itself.
    watch = None if name == ORACLE else Watch(name)
    _hide_the_suite()
    try:
        _serve(channel, name, bool(repeat), watch)
    finally:
        _end_a_copy(own)


def _serve(channel: Channel, name: str, repeat: bool, watch: Watch | None) -> None:
    own = os.getpid()

    def send(reply: tuple[str, Any]) -> None:
        _end_a_copy(own)
        channel.send((*reply, watch.violations() if watch else []))

    try:
        build, facts = load(name)
    except Exception as error:
        send(refusal(error))
        return
    if name in OURS:
        gc.freeze()
        gc.set_threshold(COLLECTED)
    send(("done", facts))
    # Those of others are built for every model: what their `build` makes of weights is theirs.
    worker = Worker(build, repeat, refill=name in OURS and not repeat)
    with suppress(EOFError):
        while True:
            request, arguments = channel.receive_trusted()
            send(worker.handle(request, arguments))


def _end_a_copy(own: int) -> None:
    """End a process that was forked within a request: it must not reply, nor clean up."""
    if os.getpid() != own:
        os._exit(0)


def _hide_the_suite() -> None:
    """Forget the modules of the suite, so that `Watch` sees an implementation import them."""
    for key in [key for key in sys.modules if key.partition(".")[0] == "conformance"]:
        if key not in PUBLIC:
            del sys.modules[key]
            package, _, name = key.rpartition(".")
            if package in PUBLIC:
                vars(sys.modules[package]).pop(name, None)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    with suppress(OSError):
        os.killpg(0, signal.SIGKILL)
