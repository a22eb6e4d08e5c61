"""Running cases: each implementation in processes of its own, which threads give their tasks."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count

from conformance.cases.case import Case
from conformance.implementations.errors import ImplementationError, NotSupported, safe_str, shorten
from conformance.implementations.implementation import Implementation, ManagedImplementation
from conformance.implementations.process import CASE_SECONDS, ProcessImplementation
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.running.crew import Crew
from conformance.running.journal import Key, key
from conformance.running.results import Run
from conformance.running.tasks import Task, Work, groups
from conformance.tiers import Tier
from weights import GhostError

Observer = Callable[[Verdict], None]


def run(
    names: Sequence[str], work: Work, observe: Observer, jobs: int, *,
    repeat: bool = False, done: Mapping[Key, Verdict] | None = None,
    seconds: float = CASE_SECONDS, max_failures: int | None = None,
    wants: Callable[[Key], bool] = lambda key: True, cached: bool = True,
    kind: Callable[..., ManagedImplementation] = ProcessImplementation,
) -> Run:  # fmt: skip
    """Run every case over every implementation, to the end, whatever an implementation does.

    `jobs` processes work at once, and `observe` gets each verdict as it comes. With `repeat`
    every output is asked for twice, and JAX optimises networks as it does modules. `done` are the
    verdicts of an interrupted run, `wants` selects verdicts of those that `work` gives. A case may
    take `seconds`; the run ends at `max_failures`. `cached` lets JAX keep what it compiles, `kind`
    says where implementations run.
    An exception of a tier itself is kept in `Run.tracebacks`. Raises `GhostError` for an
    implementation that cannot be started and for files that are refused.
    """
    started = time.monotonic()
    make = partial(kind, seconds=seconds, repeat=repeat, cached=cached, quick=not repeat)
    crew = Crew(names, jobs, make)
    with crew:
        crew.start()
        state = _State(names, work, observe, crew, wants, max_failures)
        verdicts = state.judge_all(done or {})
        outputs = {name: _output_seconds(crew.processes(name)) for name in names}
    return Run(
        verdicts,
        {name: process.versions for name, process in crew.first.items()},
        time.monotonic() - started,
        state.tracebacks,
        outputs,
        dict(_violations(crew)),
        crew.stop.is_set(),
    )


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
        self, names: Sequence[str], work: Work, observe: Observer, crew: Crew,
        wants: Callable[[Key], bool], max_failures: int | None,
    ) -> None:  # fmt: skip
        self._names, self._work, self._observe, self._crew = names, work, observe, crew
        self._wants, self._max_failures, self._failures = wants, max_failures, count(1)
        self._verdicts: dict[Key, Verdict] = {}
        self.tracebacks: list[str] = []

    def judge_all(self, done: Mapping[Key, Verdict]) -> list[Verdict]:
        """All verdicts in the order of names and work, as far as nothing stops the run."""
        for place in self._places():
            if place in done and not self._crew.stop.is_set():
                self._report(done[place])
        self._crew.work(list(self._tasks()), self._judge_task)
        verdicts = [self._verdicts[place] for place in self._places() if place in self._verdicts]
        return verdicts if self._crew.stop.is_set() else [*verdicts, *self._finish()]

    def _places(self) -> Iterator[Key]:
        """Where each verdict stands that is wanted, in their order."""
        for name in self._names:
            for tier, cases in self._work:
                yield from filter(self._wants, ((tier.name, case.id, name) for case in cases))

    def _tasks(self) -> Iterator[Task]:
        """What is left to be judged, one implementation after another."""
        left = set(self._places()) - self._verdicts.keys()
        together = list(groups(self._work))
        for name in self._names:
            for tier, cases in together:
                own = tuple(case for case in cases if (tier.name, case.id, name) in left)
                if own:
                    yield Task(name, tier, own)

    def _judge_task(self, task: Task, process: Implementation) -> None:
        for case in task.cases:
            if self._crew.stop.is_set():
                break
            verdict = self._judge(task.tier, case, process)
            if self._crew.stop.is_set() and verdict.is_bad:
                break  # its process was ended, by an interrupt perhaps
            self._report(verdict)

    def _finish(self) -> Iterator[Verdict]:
        """The verdicts about all implementations together."""
        for tier, cases in self._work:
            try:
                for verdict in tier.finish(self._crew.first, cases):
                    if self._wants(key(verdict)):
                        self._report(verdict)
                        yield verdict
            except GhostError:
                raise
            except Exception:
                self.tracebacks.append(traceback.format_exc())

    def _judge(self, tier: Tier, case: Case, process: Implementation) -> Verdict:
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
        self._verdicts[key(verdict)] = verdict
        self._observe(verdict)
        if verdict.is_bad and next(self._failures) == self._max_failures:
            self._crew.stop.set()


def _output_seconds(processes: Iterable[ManagedImplementation]) -> tuple[float, float]:
    found = []
    for process in processes:
        with suppress(ImplementationError):
            found.append(process.seconds())
    return sum(first for first, _ in found), sum(repeated for _, repeated in found)


def _violations(crew: Crew) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in crew.first:
        found = dict.fromkeys(text for each in crew.processes(name) for text in each.violations)
        if found:
            yield name, tuple(found)
