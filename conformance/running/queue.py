"""The tasks that are left, and where one more process helps."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from threading import Lock

from conformance.running.tasks import Task


class Queue:
    """Tasks by implementation, in their order; for many threads.

    `start_seconds` says what a further process of each would cost.
    """

    def __init__(self, tasks: Iterable[Task], start_seconds: Mapping[str, float]) -> None:
        self._left: dict[str, deque[Task]] = {name: deque() for name in start_seconds}
        for task in tasks:
            self._left[task.name].append(task)
        self._start_seconds = start_seconds
        self._processes: Counter[str] = Counter()
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._lock = Lock()

    def choose(self) -> tuple[str, bool] | None:
        """The implementation that a thread serves next, and whether nobody served it before.

        Those come first, slow starters ahead, which are likely to be slow at work too; then that
        with the most work left for each of its processes, if it takes longer than to start one
        more. None where no more help is needed.
        """
        with self._lock:
            names = [name for name, left in self._left.items() if left]
            new = [name for name in names if not self._processes[name]]
            helped = [name for name in names if self._share(name) > self._start_seconds[name]]
            if new:
                chosen = max(new, key=lambda name: self._start_seconds[name])
            elif helped:
                chosen = max(helped, key=self._share)
            else:
                return None
            self._processes[chosen] += 1
            return chosen, bool(new)

    def take(self, name: str) -> Task | None:
        """The next task of an implementation, None where none is left."""
        with self._lock:
            return self._left[name].popleft() if self._left[name] else None

    def add_seconds(self, name: str, seconds: float) -> None:
        """Learn how long a task of an implementation took."""
        with self._lock:
            self._seconds[name].append(seconds)

    def _share(self, name: str) -> float:
        """Seconds that what is left would take each process if there was one more."""
        known = self._seconds[name]
        mean = sum(known) / len(known) if known else float("inf")
        return mean * len(self._left[name]) / (self._processes[name] + 1)
