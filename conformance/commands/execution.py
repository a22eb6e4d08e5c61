"""The execution of `ghost-conformance run`: its cases judged, the result shown and written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from conformance.cases.case import Case, split_pair
from conformance.commands.common import HARNESS_FAILED, exit_code, no_such_case
from conformance.implementations.actors import ActorImplementation, cluster
from conformance.implementations.process import ProcessImplementation
from conformance.implementations.registry import code_of
from conformance.judging.verdict import Verdict
from conformance.reports import files, terminal
from conformance.reports.causes import first_failures
from conformance.reports.failures import Rerun
from conformance.reports.report import Report, make_report
from conformance.running import deviations, runner
from conformance.running.journal import Journal, Key, key, lock_folder, read_journal
from conformance.running.results import Run
from conformance.running.shards import Shard
from conformance.running.shrinking import shrink_failures
from conformance.running.tasks import Work, select_cases
from conformance.tiers import ModuleTier, Settings, make_tiers

LOCAL, RAY = "local", "ray"
# Where implementations run.
ENGINES = {LOCAL: ProcessImplementation, RAY: ActorImplementation}
SHRINK_SECONDS = 20.0


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, checked."""

    implementations: Sequence[str]
    missing: Mapping[str, str]
    tiers: Sequence[str]
    settings: Settings
    case_ids: Sequence[str]
    rerun: Rerun | None
    known: Mapping[str, Path]
    folder: Path | None
    jobs: int
    resume: bool
    seconds: float
    max_failures: int | None
    shard: Shard | None
    cached: bool
    command: str
    engine: str = LOCAL
    address: str | None = None

    @cached_property
    def given_files(self) -> dict[str, str]:
        """The digests of the files that the run was given."""
        given = {"weights": self.settings.weights, "images": self.settings.images}
        return {name: sha256(path.read_bytes()).hexdigest() for name, path in given.items() if path}

    def selects(self, key: Key) -> bool:
        """Whether a verdict is wanted: any, or one that failed before or whose case is named."""
        if self.rerun is None or key in self.rerun.keys:
            return True
        _, case, _ = key
        return case in self.case_ids or split_pair(case)[0] in self.case_ids


def execute(options: RunOptions) -> int:
    """Run the cases, show and write the result; returns the exit code."""
    with cluster(options.address) if options.engine == RAY else nullcontext():
        return _execute(options)


def _execute(options: RunOptions) -> int:
    work = _select(options)
    lists = {name: deviations.read_deviations(path) for name, path in options.known.items()}
    if options.folder is None:
        return _run(options, work, lists, None)
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot make {options.folder}: {error.strerror}") from None
    journal = Journal(
        options.folder, options.implementations, full=options.settings.full,
        files=options.given_files,
    )  # fmt: skip
    with lock_folder(options.folder), closing(journal):
        return _run(options, work, lists, journal)


def _select(options: RunOptions) -> Work:
    named = [*options.case_ids, *(options.rerun.cases if options.rerun else ())]
    tiers = make_tiers(options.settings, options.tiers)
    work = select_cases(tiers, named or None)
    found = {case.id for _, cases in work for case in cases}
    unknown = [case for case in dict.fromkeys(named) if split_pair(case)[0] not in found]
    if unknown:
        raise no_such_case(unknown, (case.id for tier in tiers for case in tier.cases()))
    return work


def _run(
    options: RunOptions, work: Work, lists: Mapping[str, list[deviations.Deviation]],
    journal: Journal | None,
) -> int:  # fmt: skip
    console = terminal.console()
    own = work if options.shard is None else options.shard.of(work)
    code = code_of(options.implementations)  # before anybody changes it while the run goes on
    result = replace(_judge(options, own, journal, console), shard=options.shard)
    if journal is not None and journal.problem:
        console.print(f"a run like this cannot be resumed: {journal.problem}", style="yellow")
    # In the order of the implementations, as the shards of a run are merged.
    for name in dict.fromkeys((*options.implementations, *lists)):
        marked = deviations.apply(result.verdicts, name, lists.get(name, []), options.settings)
        result = replace(result, verdicts=list(marked))
    report = make_report(
        result, work, options.missing, settings=_described(options),
        command=options.command, code=code,
    )  # fmt: skip
    terminal.show(console, result, report)
    if journal is None:
        return exit_code(console, result)
    report = _with_smallest(report, work, console, cached=options.cached)
    is_written = _write(report, journal, console)
    return exit_code(console, result) if is_written else HARNESS_FAILED


def _described(options: RunOptions) -> dict[str, Any]:
    """The settings as a report keeps them: files by their content, but lists of what is known."""
    settings = options.settings
    known = {name: str(path) for name, path in options.known.items()}
    described = {"random": settings.random, "full": settings.full, "deviations": known}
    return described | options.given_files


def _judge(options: RunOptions, work: Work, journal: Journal | None, console: Console) -> Run:
    """Run everything; where a report is wanted, each verdict joins the journal as it comes."""
    done: dict[Key, Verdict] = {}
    if journal is not None:
        folder = journal.path.parent
        if options.resume:
            full, given = options.settings.full, options.given_files
            done = read_journal(folder, options.implementations, full=full, files=given)
        files.prepare(folder)
        journal.begin(resume=options.resume)
    total = sum(len(cases) for _, cases in work)
    with terminal.progress_bars(console, options.implementations, total) as show_progress:

        def observe(verdict: Verdict) -> None:
            show_progress(verdict)
            if journal is not None and key(verdict) not in done:
                journal.add(verdict)

        return runner.run(
            options.implementations, work, observe, options.jobs, repeat=options.settings.full,
            done=done, seconds=options.seconds, max_failures=options.max_failures,
            wants=options.selects, cached=options.cached, kind=ENGINES[options.engine],
        )  # fmt: skip


def _with_smallest(report: Report, work: Work, console: Console, *, cached: bool) -> Report:
    """The report, with the smallest case that still fails for the first causes."""
    tiers = {tier.name: tier for tier, _ in work}
    failures: dict[str, list[tuple[ModuleTier, Case]]] = {}
    firsts = first_failures(report)
    for first in firsts:
        case = report.case(first)
        if case is not None and isinstance(tier := tiers[case.tier], ModuleTier):
            failures.setdefault(first.implementation, []).append((tier, case))
    if not failures:
        return report
    console.print(f"shrinking failures for the report, {SHRINK_SECONDS:.0f} s at most")
    until = time.monotonic() + SHRINK_SECONDS
    # Each begins when its turn comes: starting a framework may take all that is left.
    found = (
        shrink_failures(name, own, until, cached=cached)
        for name, own in failures.items()
        if time.monotonic() < until
    )
    shrunk = dict(chain.from_iterable(found))
    places = (place for place in map(key, firsts) if place in shrunk)
    return replace(report, smallest={place: shrunk[place] for place in places})


def _write(report: Report, journal: Journal, console: Console) -> bool:
    """Write the report; False, with the reason printed, where that fails."""
    folder = journal.path.parent
    try:
        files.write_report(folder, report)
        journal.end()
    except OSError as error:
        console.print(f"there is no report in {folder}: {error.strerror}", style="red")
        return False
    console.print(f"report in {folder}")
    return True
