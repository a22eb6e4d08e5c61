"""One run as the command line asks for it: judged, shown, written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console

from conformance import deviations, runner, terminal
from conformance.command import exit_code
from conformance.implementations import Availability
from conformance.journal import Journal, key, read_journal
from conformance.report import prepare, write_report
from conformance.runner import Run, Work
from conformance.tiers import Tier
from conformance.verdict import Verdict


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    names: Sequence[str]
    missing: Sequence[Availability]
    tiers: Sequence[Tier]
    case_ids: Sequence[str] | None
    known: dict[str, Path]
    folder: Path | None
    jobs: int
    repeat: bool
    resume: bool


def run_request(request: Request) -> int:
    """Run what is asked for; the exit code."""
    work = runner.plan(request.tiers, request.case_ids)
    if not work:
        asked = ", ".join(map(repr, request.case_ids or ()))
        raise click.UsageError(f"no case is called {asked}: see `ghost-conformance list`")
    lists = {name: deviations.read_deviations(path) for name, path in request.known.items()}
    console = Console()
    result = _judge(request, work, console)
    for name, path in lists.items():
        marked = deviations.apply(result.verdicts, name, path)
        result = replace(result, verdicts=list(marked))
    used = [tier.name for tier, _ in work]
    notes = [note for tier, _ in work for note in getattr(tier, "notes", list)()]
    options = {tier.name: getattr(tier, "options", str)() for tier, _ in work}
    terminal.show(console, result, used, request.missing, notes, options)
    _write(request, result, used, options, console)
    return exit_code(console, result)


def _judge(request: Request, work: Work, console: Console) -> Run:
    """Run everything, and write each verdict down as it comes where a report is wanted."""
    folder = request.folder
    done = read_journal(folder) if request.resume and folder is not None else {}
    journal = Journal(folder) if folder is not None else None
    if journal is not None:
        prepare(journal.path.parent)
        journal.begin(done)
    total = sum(len(cases) for _, cases in work)
    with terminal.Counts(console, request.names, total) as progress:

        def observe(verdict: Verdict) -> None:
            progress.observe(verdict)
            if journal is not None and key(verdict) not in done:
                journal.add(verdict)

        return runner.run(
            request.names, work, observe, request.jobs, repeat=request.repeat, done=done
        )


def _write(
    request: Request, result: Run, used: list[str], options: dict[str, str], console: Console
) -> None:
    from conformance.html import write_page  # it imports matplotlib

    if request.folder is not None:
        write_report(request.folder, result, used, request.missing)
        write_page(request.folder, options)
        Journal(request.folder).end()
        console.print(f"report in {request.folder}", highlight=False)
