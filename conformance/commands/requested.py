"""One run as the command line asks for it: judged, shown, written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from conformance.cases.case import split_pair
from conformance.commands.command import HARNESS_FAILED, exit_code
from conformance.implementations.registry import Availability
from conformance.judging.verdict import Verdict
from conformance.reports import terminal
from conformance.reports.failures import Rerun
from conformance.reports.report import prepare, write_report
from conformance.running import deviations, runner
from conformance.running.journal import Journal, Key, alone_in, key, read_journal
from conformance.running.results import Run
from conformance.running.runner import Work
from conformance.tiers import RandomTier, Tier
from weights.shown import shown

SHOWN_UNKNOWN = 5


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    names: Sequence[str]
    missing: Sequence[Availability]
    tiers: Sequence[Tier]
    case_ids: Sequence[str]
    again: Rerun | None
    known: dict[str, Path]
    folder: Path | None
    jobs: int
    repeat: bool
    resume: bool
    seconds: float
    most_failures: int | None

    @property
    def settings(self) -> dict[str, Any]:
        """What decides which cases there are, for a run of the same."""
        counts = {tier.count for tier in self.tiers if isinstance(tier, RandomTier)}
        return {"random": max(counts, default=0), "full": self.repeat}

    def wants(self, asked: Key) -> bool:
        """Whether a verdict is asked for: each, or what failed and the cases that are named."""
        if self.again is None or asked in self.again.keys:
            return True
        return asked[1] in self.case_ids or split_pair(asked[1])[0] in self.case_ids


def run_request(request: Request) -> int:
    """Run what is asked for; the exit code."""
    asked = [*request.case_ids, *(request.again.cases if request.again else ())]
    work = runner.plan(request.tiers, asked or None)
    found = {case.id for _, cases in work for case in cases}
    unknown = [case for case in dict.fromkeys(asked) if split_pair(case)[0] not in found]
    if unknown:
        names = ", ".join(map(shown, unknown[:SHOWN_UNKNOWN]))
        more = f" and {len(unknown) - SHOWN_UNKNOWN} more" * (len(unknown) > SHOWN_UNKNOWN)
        raise click.UsageError(f"no case is called {names}{more}: see `ghost-conformance list`")
    lists = {name: deviations.read_deviations(path) for name, path in request.known.items()}
    if request.folder is None:
        return _run(request, work, lists, None)
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot make {request.folder}: {error.strerror}") from None
    with alone_in(request.folder), closing(Journal(request.folder, request.names)) as journal:
        return _run(request, work, lists, journal)


def _run(
    request: Request, work: Work, lists: Mapping[str, list[deviations.Deviation]],
    journal: Journal | None,
) -> int:  # fmt: skip
    console = terminal.console()
    result = _judge(request, work, journal, console)
    if journal is not None and journal.problem:
        console.print(f"a run like this cannot be resumed: {journal.problem}", style="yellow")
    for name, known in lists.items():
        marked = deviations.apply(result.verdicts, name, known)
        result = replace(result, verdicts=list(marked))
    used = [tier.name for tier, _ in work]
    notes = [note for tier, _ in work for note in getattr(tier, "notes", list)()]
    options = {tier.name: getattr(tier, "options", str)() for tier, _ in work}
    terminal.show(console, result, used, request.missing, notes, options)
    code = exit_code(console, result) if journal is None else HARNESS_FAILED
    if journal is not None and _is_written(request, result, used, options, journal, console):
        code = exit_code(console, result)
    return code


def _judge(request: Request, work: Work, journal: Journal | None, console: Console) -> Run:
    """Run everything, and write each verdict down as it comes where a report is wanted."""
    done: dict[Key, Verdict] = {}
    if journal is not None:
        done = read_journal(journal.path.parent, request.names) if request.resume else {}
        prepare(journal.path.parent)
        journal.begin(resume=request.resume)
    total = sum(len(cases) for _, cases in work)
    with terminal.Counts(console, request.names, total) as progress:

        def observe(verdict: Verdict) -> None:
            progress.observe(verdict)
            if journal is not None and key(verdict) not in done:
                journal.add(verdict)

        return runner.run(
            request.names, work, observe, request.jobs, repeat=request.repeat, done=done,
            seconds=request.seconds, most_failures=request.most_failures, wants=request.wants,
        )  # fmt: skip


def _is_written(
    request: Request, result: Run, used: list[str], options: dict[str, str], journal: Journal,
    console: Console,
) -> bool:  # fmt: skip
    """Write the report, or say why there is none."""
    from conformance.reports.html import write_page  # it imports matplotlib

    folder = journal.path.parent
    try:
        write_report(folder, result, used, request.missing, request.settings)
        write_page(folder, options)
        journal.end()
    except OSError as error:
        console.print(f"there is no report in {folder}: {error.strerror}", style="red")
        return False
    console.print(f"report in {folder}")
    return True
