"""The processes of a run on this machine, and the threads that give them tasks.

A run asks of it no more than this: that any process of its implementation judges a task, and one
process of every implementation for what concerns all of them together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from itertools import chain
from threading import Event

from conformance.implementations.errors import ImplementationError, NotSupported
from conformance.implementations.implementation import ManagedImplementation
from conformance.running.queue import Queue
from conformance.running.tasks import Task
from weights import ArgumentError

Judge = Callable[[Task, ManagedImplementation], None]
# Seconds after which an interrupt is heard of which the system told another thread.
LISTENING = 0.5


class Crew:
    """A process of every implementation, and further ones where `jobs` leave room for them.

    An exception ends all of them, an interrupt too; `stop` ends the work after the case at hand.
    """

    def __init__(
        self, names: Sequence[str], jobs: int, make: Callable[[str], ManagedImplementation]
    ) -> None:
        self.first = {name: make(name) for name in names}
        self.stop = Event()
        self._further: list[ManagedImplementation] = []
        self._jobs = jobs
        self._make = make

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        if raised:
            self._kill()
        self._call_all([process.close for process in chain(self.first.values(), self._further)])

    def start(self) -> None:
        """Start every implementation, all at once; raises `ArgumentError` for one that cannot."""
        self._call_all([partial(_start, process) for process in self.first.values()])

    def work(self, tasks: Iterable[Task], judge: Judge) -> None:
        """Judge every task, in the order of each implementation; raises what `judge` raises."""
        queue = Queue(tasks, {name: each.start_seconds for name, each in self.first.items()})
        self._call_all([partial(self._work, queue, judge)] * self._jobs)

    def processes(self, name: str) -> Iterator[ManagedImplementation]:
        """The processes of an implementation."""
        return (each for each in chain(self.first.values(), self._further) if each.name == name)

    def _work(self, queue: Queue, judge: Judge) -> None:
        """Serve one implementation after another."""
        while not self.stop.is_set() and (place := queue.choose()):
            name, is_first = place
            process = self.first[name] if is_first else self._one_more(name)
            if process is None:
                return  # the others do the work
            while not self.stop.is_set() and (task := queue.take(name)):
                started = time.monotonic()
                judge(task, process)
                queue.add_seconds(name, time.monotonic() - started)

    def _one_more(self, name: str) -> ManagedImplementation | None:
        """A further process, or None where this machine has no room for it."""
        process = self._make(name)
        self._further.append(process)
        try:
            process.start()
        except (ImplementationError, NotSupported):
            return None
        return process

    def _call_all(self, calls: Sequence[Callable[[], None]]) -> None:
        """Call each in a thread, until one raises or all have returned."""
        with ThreadPoolExecutor(max(len(calls), 1)) as pool:
            try:
                left = {pool.submit(call) for call in calls}
                while left:
                    done, left = wait(left, LISTENING, FIRST_EXCEPTION)
                    for future in done:
                        future.result()
            except BaseException:
                self._kill()
                raise

    def _kill(self) -> None:
        self.stop.set()
        for process in chain(self.first.values(), self._further):
            process.kill()


def _start(process: ManagedImplementation) -> None:
    try:
        process.start()
    except (ImplementationError, NotSupported) as error:
        raise ArgumentError(f"cannot start {process.name}: {error}") from error
