"""Running cases: each implementation in a thread that talks to its own process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from conformance.case import Case, split_pair
from conformance.errors import ImplementationError, NotSupported, printable
from conformance.journal import Key
from conformance.process import Implementation
from conformance.tiers import Tier
from conformance.verdict import Outcome, Status, Verdict
from weights import ArgumentError, GhostError

Observer = Callable[[Verdict], None]
Work = Sequence[tuple[Tier, Sequence[Case]]]


@dataclass(frozen=True)
class Run:
    """Everything that a run found out."""

    verdicts: list[Verdict] = field(repr=False)
    versions: dict[str, dict[str, str]]
    seconds: float
    broken: list[str] = field(default_factory=list, repr=False)
    """Tracebacks of tiers that raised: the harness failed, whatever the verdicts say."""
    outputs: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    """Seconds that an implementation's outputs took: the first time, and repeated."""

    @property
    def has_failed(self) -> bool:
        """Whether any case failed or gave no result."""
        return any(verdict.is_bad for verdict in self.verdicts)

    def heading(self, name: str) -> str:
        """The name of an implementation, with the backend where it tells of one."""
        backend = self.versions[name].get("backend")
        return f"{name} on {backend}" if backend else name


@dataclass(frozen=True)
class Effort:
    """What an implementation took, judging included.

    `compilation` is the share by which its outputs took longer the first time than repeated, None
    where they were not repeated.
    """

    name: str
    seconds: float
    speed: float
    compilation: float | None


def efforts(run: Run) -> list[Effort]:
    """The effort of every implementation."""
    return [_effort(name, run) for name in run.versions]


def _effort(name: str, run: Run) -> Effort:
    own = [verdict for verdict in run.verdicts if verdict.implementation == name]
    seconds = sum(verdict.seconds for verdict in own)
    first, again = run.outputs.get(name, (0.0, 0.0))
    share = max(first - again, 0.0) / seconds if again and seconds else None
    return Effort(name, seconds, len(own) / seconds if seconds else 0.0, share)


def run(
    names: Sequence[str], work: Work, observe: Observer, jobs: int, *,
    repeat: bool = False, done: Mapping[Key, Verdict] | None = None,
) -> Run:  # fmt: skip
    """Run every case over every implementation, to the end, whatever an implementation does.

    With `repeat` every output is asked for twice; `done` are the verdicts of an interrupted run.
    An exception of a tier itself is kept in `Run.broken`: it is the harness that failed. Raises
    `GhostError` for an implementation that cannot be started and for files that are refused.
    """
    started = time.monotonic()
    processes = {name: Implementation(name, repeat=repeat) for name in names}
    broken: list[str] = []
    try:
        with ThreadPoolExecutor(jobs) as pool, _stopping(processes) as stop:
            list(pool.map(_start, processes.values()))
            futures = [
                pool.submit(_run_one, process, work, observe, stop, broken, done or {})
                for process in processes.values()
            ]
            verdicts = [verdict for future in futures for verdict in future.result()]
        verdicts += _finish(work, processes, observe, broken)
        outputs = {name: _seconds(process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.close()
    versions = {name: process.versions for name, process in processes.items()}
    return Run(verdicts, versions, time.monotonic() - started, broken, outputs)


def plan(tiers: Iterable[Tier], case_ids: Iterable[str] | None) -> Work:
    """The tiers with the cases that will run: all of them, or those asked for."""
    wanted = None if case_ids is None else {split_pair(each)[0] for each in case_ids}
    work = [
        (tier, [case for case in tier.cases() if wanted is None or case.id in wanted])
        for tier in tiers
    ]
    return [(tier, cases) for tier, cases in work if cases]


@contextmanager
def _stopping(processes: Mapping[str, Implementation]) -> Iterator[Event]:
    """An event, set by any exception, an interrupt too: threads must not run on."""
    stop = Event()
    try:
        yield stop
    except BaseException:
        stop.set()
        for process in processes.values():
            process.kill()
        raise


def _start(process: Implementation) -> None:
    try:
        process.start()
    except ImplementationError as error:
        raise ArgumentError(f"cannot start {process.name}: {error}") from error


def _seconds(process: Implementation) -> tuple[float, float]:
    try:
        return process.seconds()
    except ImplementationError:
        return 0.0, 0.0


def _run_one(
    process: Implementation, work: Work, observe: Observer, stop: Event, broken: list[str],
    done: Mapping[Key, Verdict],
) -> list[Verdict]:  # fmt: skip
    verdicts: list[Verdict] = []
    for tier, cases in work:
        for case in cases:
            if stop.is_set():
                return verdicts
            earlier = done.get((tier.name, case.id, process.name))
            verdict = earlier or judge(tier, case, process, broken)
            observe(verdict)
            verdicts.append(verdict)
    return verdicts


def judge(tier: Tier, case: Case, process: Any, broken: list[str]) -> Verdict:
    """The verdict of one case; an exception of the tier itself joins `broken`."""
    started = time.monotonic()
    try:
        outcome = tier.judge(case, process)
    except NotSupported as reason:
        outcome = Outcome.skipped(str(reason))
    except ImplementationError as error:
        outcome = Outcome(Status.ERROR, message=str(error))
    except GhostError:
        raise
    except Exception as error:
        broken.append(traceback.format_exc())
        text = printable(f"{type(error).__name__}: {error}")
        outcome = Outcome(Status.ERROR, message=f"the harness itself failed: {text}")
    return Verdict(
        case.id,
        tier.name,
        process.name,
        outcome.status,
        outcome.ratio,
        outcome.message,
        outcome.worst,
        outcome.hint,
        time.monotonic() - started,
        outcome.pattern,
    )


def _finish(
    work: Work, processes: Mapping[str, Implementation], observe: Observer, broken: list[str]
) -> Iterator[Verdict]:
    for tier, cases in work:
        finish = getattr(tier, "finish", None)
        try:
            for verdict in finish(processes, cases) if finish else ():
                observe(verdict)
                yield verdict
        except GhostError:
            raise
        except Exception:
            broken.append(traceback.format_exc())
