"""Running cases: each implementation in a thread that talks to its own process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
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
    seconds: float = CASE_SECONDS, most_failures: int | None = None,
    wants: Callable[[Key], bool] = lambda key: True,
) -> Run:  # fmt: skip
    """Run every case over every implementation, to the end, whatever an implementation does.

    With `repeat` every output is asked for twice; `done` are the verdicts of an interrupted run; a
    case may take `seconds`; with `most_failures` the run ends where there are that many; `wants`
    tells which verdicts are asked for, of those that `work` gives. An exception of a tier itself is
    kept in `Run.broken`: it is the harness that failed. Raises `GhostError` for an implementation
    that cannot be started and for files that are refused.
    """
    started = time.monotonic()
    processes = {name: ProcessImplementation(name, seconds, repeat=repeat) for name in names}
    broken: list[str] = []
    try:
        with ThreadPoolExecutor(jobs) as pool, _stopping(processes) as stop:
            enough = _Enough(observe, most_failures, stop)
            list(pool.map(_start, processes.values()))
            futures = [
                pool.submit(_run_one, process, work, enough, stop, broken, done or {}, wants)
                for process in processes.values()
            ]
            verdicts = [verdict for future in futures for verdict in future.result()]
            if not stop.is_set():
                verdicts += _finish(work, processes, enough, broken, wants)
        outputs = {name: _seconds(process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.close()
    return Run(
        verdicts,
        {name: process.versions for name, process in processes.items()},
        time.monotonic() - started,
        broken,
        outputs,
        {name: process.precision for name, process in processes.items()},
        {name: process.remarks for name, process in processes.items() if process.remarks},
        stop.is_set(),
    )


class _Enough:
    """Observes verdicts, and sets `stop` where so many are bad that nobody needs more."""

    def __init__(self, observe: Observer, most: int | None, stop: Event) -> None:
        self._observe, self._most, self._stop = observe, most, stop
        self._bad = count(1)

    def __call__(self, verdict: Verdict) -> None:
        self._observe(verdict)
        if verdict.is_bad and next(self._bad) == self._most:
            self._stop.set()


def plan(tiers: Iterable[Tier], case_ids: Iterable[str] | None) -> Work:
    """The tiers with the cases that will run: all of them, or those asked for."""
    wanted = None if case_ids is None else {split_pair(each)[0] for each in case_ids}
    work = [
        (tier, [case for case in tier.cases() if wanted is None or case.id in wanted])
        for tier in tiers
    ]
    return [(tier, cases) for tier, cases in work if cases]


@contextmanager
def _stopping(processes: Mapping[str, ProcessImplementation]) -> Iterator[Event]:
    """An event, set by any exception, an interrupt too: threads must not run on."""
    stop = Event()
    try:
        yield stop
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


def _seconds(process: ProcessImplementation) -> tuple[float, float]:
    try:
        return process.seconds()
    except ImplementationError:
        return 0.0, 0.0


def _run_one(
    process: ProcessImplementation, work: Work, observe: Observer, stop: Event, broken: list[str],
    done: Mapping[Key, Verdict], wants: Callable[[Key], bool],
) -> list[Verdict]:  # fmt: skip
    verdicts: list[Verdict] = []
    for tier, cases in work:
        for case in cases:
            if stop.is_set():
                return verdicts
            if not wants((tier.name, case.id, process.name)):
                continue
            earlier = done.get((tier.name, case.id, process.name))
            verdict = earlier or judge(tier, case, process, broken)
            if stop.is_set() and verdict.is_bad:
                return verdicts  # its process was ended, by an interrupt perhaps
            observe(verdict)
            verdicts.append(verdict)
    return verdicts


def judge(tier: Tier, case: Case, process: Implementation, broken: list[str]) -> Verdict:
    """The verdict of one case; an exception of the tier itself joins `broken`."""
    started = time.monotonic()
    try:
        with process.one_case():
            outcome = tier.judge(case, process)
    except NotSupported as reason:
        outcome = Outcome.skipped(str(reason))
    except ImplementationError as error:
        outcome = Outcome(Status.ERROR, message=str(error))
    except GhostError:
        raise
    except Exception as error:
        broken.append(traceback.format_exc())
        text = safe_str(f"{type(error).__name__}: {error}")
        outcome = Outcome(Status.ERROR, message=f"the harness itself failed: {text}")
    outcome = replace(outcome, message=shorten(outcome.message), hint=shorten(outcome.hint))
    return Verdict.of(outcome, case.id, tier.name, process.name, time.monotonic() - started)


def _finish(
    work: Work, processes: Mapping[str, ProcessImplementation], observe: Observer,
    broken: list[str], wants: Callable[[Key], bool],
) -> Iterator[Verdict]:  # fmt: skip
    for tier, cases in work:
        finish = getattr(tier, "finish", None)
        try:
            for verdict in finish(processes, cases) if finish else ():
                if wants(key(verdict)):
                    observe(verdict)
                    yield verdict
        except GhostError:
            raise
        except Exception:
            broken.append(traceback.format_exc())
