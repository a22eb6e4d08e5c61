"""Running cases: each implementation in a thread that talks to its own process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, count
from threading import Event

from conformance.cases.case import Case, split_pair
from conformance.implementations.errors import ImplementationError, NotSupported, safe_str, shorten
from conformance.implementations.implementation import Implementation
from conformance.implementations.process import CASE_SECONDS, ProcessImplementation
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.running.journal import Key, key
from conformance.running.results import Run
from conformance.tiers import Tier
from weights import ArgumentError, GhostError

Observer = Callable[[Verdict], None]
Work = Sequence[tuple[Tier, Sequence[Case]]]


def run(
    names: Sequence[str], work: Work, observe: Observer, jobs: int, *,
    repeat: bool = False, done: Mapping[Key, Verdict] | None = None,
    seconds: float = CASE_SECONDS, max_failures: int | None = None,
    wants: Callable[[Key], bool] = lambda key: True,
) -> Run:  # fmt: skip
    """Run every case over every implementation, to the end, whatever an implementation does.

    `jobs` implementations run at once, and `observe` gets each verdict as it comes. With `repeat`
    every output is asked for twice. `done` are the verdicts of an interrupted run, `wants` selects
    verdicts of those that `work` gives. A case may take `seconds`; the run ends at `max_failures`.
    An exception of a tier itself is kept in `Run.tracebacks`. Raises `GhostError` for an
    implementation that cannot be started and for files that are refused.
    """
    started = time.monotonic()
    processes = {name: ProcessImplementation(name, seconds, repeat=repeat) for name in names}
    state = _State(work, observe, done or {}, wants, max_failures)
    try:
        with ThreadPoolExecutor(jobs) as pool, _killing(processes, state.stop):
            list(pool.map(_start, processes.values()))
            verdicts = list(chain.from_iterable(pool.map(state.judge_all, processes.values())))
            if not state.stop.is_set():
                verdicts += state.finish(processes)
        outputs = {name: _output_seconds(process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.close()
    return Run(
        verdicts,
        {name: process.versions for name, process in processes.items()},
        time.monotonic() - started,
        state.tracebacks,
        outputs,
        {name: process.precision for name, process in processes.items()},
        {name: process.violations for name, process in processes.items() if process.violations},
        state.stop.is_set(),
    )


def select_cases(tiers: Iterable[Tier], case_ids: Iterable[str] | None) -> Work:
    """The tiers with the cases that will run: all of them, or those named."""
    wanted = None if case_ids is None else {split_pair(each)[0] for each in case_ids}
    work = [
        (tier, [case for case in tier.cases() if wanted is None or case.id in wanted])
        for tier in tiers
    ]
    return [(tier, cases) for tier, cases in work if cases]


def judge(tier: Tier, case: Case, implementation: Implementation) -> Verdict:
    """The verdict of one case; raises what the tier itself raises."""
    started = time.monotonic()
    try:
        with implementation.time_limit():
            outcome = tier.judge(case, implementation)
    except NotSupported as reason:
        outcome = Outcome.skipped(str(reason))
    except ImplementationError as error:
        outcome = Outcome(Status.ERROR, message=str(error))
    outcome = replace(outcome, message=shorten(outcome.message), hint=shorten(outcome.hint))
    return Verdict.of(outcome, case.id, tier.name, implementation.name, time.monotonic() - started)


class _State:
    """The work of a run, and what its threads share."""

    def __init__(
        self, work: Work, observe: Observer, done: Mapping[Key, Verdict],
        wants: Callable[[Key], bool], max_failures: int | None,
    ) -> None:  # fmt: skip
        self._work, self._observe, self._done, self._wants = work, observe, done, wants
        self._max_failures, self._failures = max_failures, count(1)
        self.tracebacks: list[str] = []
        self.stop = Event()

    def judge_all(self, process: ProcessImplementation) -> list[Verdict]:
        """The verdicts of one implementation, as far as nothing stops the run."""
        verdicts: list[Verdict] = []
        for tier, case in ((tier, case) for tier, cases in self._work for case in cases):
            if self.stop.is_set():
                break
            place = (tier.name, case.id, process.name)
            if not self._wants(place):
                continue
            verdict = self._done.get(place) or self._judge(tier, case, process)
            if self.stop.is_set() and verdict.is_bad:
                break  # its process was ended, by an interrupt perhaps
            self._report(verdict)
            verdicts.append(verdict)
        return verdicts

    def finish(self, processes: Mapping[str, Implementation]) -> Iterator[Verdict]:
        """The verdicts about all implementations together."""
        for tier, cases in self._work:
            try:
                for verdict in tier.finish(processes, cases):
                    if self._wants(key(verdict)):
                        self._report(verdict)
                        yield verdict
            except GhostError:
                raise
            except Exception:
                self.tracebacks.append(traceback.format_exc())

    def _judge(self, tier: Tier, case: Case, process: ProcessImplementation) -> Verdict:
        try:
            return judge(tier, case, process)
        except GhostError:
            raise
        except Exception as error:
            self.tracebacks.append(traceback.format_exc())
            text = safe_str(f"{type(error).__name__}: {error}")
            outcome = Outcome(Status.ERROR, message=f"the harness itself failed: {text}")
            return Verdict.of(outcome, case.id, tier.name, process.name)

    def _report(self, verdict: Verdict) -> None:
        self._observe(verdict)
        if verdict.is_bad and next(self._failures) == self._max_failures:
            self.stop.set()


@contextmanager
def _killing(processes: Mapping[str, ProcessImplementation], stop: Event) -> Iterator[None]:
    """Stop all threads and end all processes at any exception, an interrupt too."""
    try:
        yield
    except BaseException:
        stop.set()
        for process in processes.values():
            process.kill()
        raise


def _start(process: ProcessImplementation) -> None:
    try:
        process.start()
    except (ImplementationError, NotSupported) as error:
        raise ArgumentError(f"cannot start {process.name}: {error}") from error


def _output_seconds(process: ProcessImplementation) -> tuple[float, float]:
    try:
        return process.seconds()
    except ImplementationError:
        return 0.0, 0.0
