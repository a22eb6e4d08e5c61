"""A run in the terminal: progress while it runs, a table and the failures by cause at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from conformance.judging.verdict import Status, Verdict
from conformance.reports.causes import Cause, find_causes
from conformance.reports.report import Report
from conformance.reports.summary import count, count_run, counts_text, ratios
from conformance.running.results import Run, is_green, timings
from weights.text import listed

SHOWN_CAUSES = 10


def console(*, stderr: bool = False) -> Console:
    """A terminal that takes every text as it is, whatever brackets are in it."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


@contextmanager
def progress_bars(
    console: Console, names: Sequence[str], total: int
) -> Iterator[Callable[[Verdict], None]]:
    """Show a progress bar for each implementation, with its counts.

    `total` is the number of cases of each. Yields the function that counts one more verdict.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
    )
    progress, lock = Progress(*columns, console=console, transient=True), Lock()
    tasks = {name: progress.add_task(name, total=total, counts="") for name in names}
    found: dict[str, Counter[Status]] = {name: Counter() for name in names}

    def observe(verdict: Verdict) -> None:
        with lock:
            counts = found[verdict.implementation]
            counts[verdict.status] += 1
            task = tasks[verdict.implementation]
            progress.update(task, advance=1, counts=counts_text(counts))

    with progress:
        yield observe


def show(console: Console, run: Run, report: Report) -> None:
    """Print the tables of a run, the notes of its tiers, its failures by cause, and one last line.

    `report` is that of the run.
    """
    missing = report.header["missing"]
    console.print(table(run, report.header["tiers"], missing))
    console.print(timing_table(run))
    for note in report.footer["notes"]:
        console.print(note)
    show_missing(console, missing)
    causes = find_causes(report)
    for cause in causes[:SHOWN_CAUSES]:
        console.print(cause_text(cause, report), soft_wrap=True)
    if len(causes) > SHOWN_CAUSES:
        console.print(f"... and {len(causes) - SHOWN_CAUSES} more causes")
    stopped = ", ended early: as many failures as --max-failures allows" * run.was_stopped
    style = "green" if is_green(run) else "red"
    counts = counts_text(count(run.verdicts))
    console.print(f"{counts} in {run.seconds:.0f} s{stopped}", style=style)


def show_missing(console: Console, missing: Mapping[str, str]) -> None:
    """Print which of our packages could not run, and why."""
    for package, reason in missing.items():
        console.print(f"{package} is missing: {reason}", style="yellow")


def table(run: Run, tiers: Sequence[str], missing: Iterable[str]) -> Table:
    """Tiers by implementations: passed of all, and the worst ratio of error to allowed."""
    grid = Table(title="passed of all; worst error / allowed")
    grid.add_column("tier")
    names = list(run.versions)
    for name in (*names, *missing):
        grid.add_column(_heading(name, run), justify="right")
    for tier in tiers:
        cells = [
            _cell(
                [v for v in run.verdicts if (v.tier, v.implementation) == (tier, name)],
                run.violations.get(name, ()),
            )
            for name in names
        ]
        grid.add_row(tier, *cells, *(Text("missing", "yellow") for _ in missing))
    return grid


def timing_table(run: Run) -> Table:
    """The time of every implementation, and the share of compilation where outputs repeated."""
    grid = Table("implementation", title="time")
    for column in ("seconds", "cases a second", "compilation"):
        grid.add_column(column, justify="right")
    for each in timings(run):
        share = "with --full" if each.compilation is None else f"{each.compilation:.0%}"
        grid.add_row(each.name, f"{each.seconds:.0f}", f"{each.speed:.1f}", share)
    return grid


def failure_text(verdict: Verdict, title: str = "", *, command: str = "") -> Text:
    """A failure: message, worst element, hint, and the command that runs it again, if there is one.

    The title is by default the status of the verdict, its case, tier and implementation.
    """
    place = f"{verdict.case} [{verdict.tier}, {verdict.implementation}]"
    lines = [f"  {verdict.message}"]
    lines += [f"  worst {verdict.worst}"] if verdict.worst else []
    lines += [f"  hint: {verdict.hint}"] if verdict.hint else []
    lines += [f"  again: {command}"] if command else []
    text = Text(title or f"{verdict.status.upper()} {place}", "bold red")
    return text.append("\n" + "\n".join(lines), "default")


def cause_text(cause: Cause, report: Report) -> Text:
    """A cause: what its cases have in common, and its first failure."""
    tiers = ", ".join(f"{tier} {number}" for tier, number in cause.tiers.items())
    lines = [f"  in {cause.implementation}: {tiers}"]
    lines += [f"  {cause.scope}"] if cause.scope else []
    lines += [f"  some of them show: {listed(cause.others, '; ', 3)}"] if cause.others else []
    text = Text(str(cause), "bold red").append("\n" + "\n".join(lines) + "\n", "default")
    first = cause.verdicts[0]
    return text.append_text(failure_text(first, command=report.again(first)))


def _heading(name: str, run: Run) -> Text:
    """A name, its precision if that is not float32, and its backend if it states one."""
    facts = run.versions.get(name, {})
    backend = facts.get("backend")
    lines = (name, facts.get("precision", ""), f"on {backend}" if backend else "")
    return Text("\n".join(filter(None, lines)))


def _cell(verdicts: Sequence[Verdict], violations: Sequence[str]) -> Text:
    counts, found = count(verdicts), ratios(verdicts)
    passed, ran = Counter({Status.PASS: counts[Status.PASS]}), count_run(counts)
    parts = [", ".join([f"{counts[Status.PASS]}/{ran}", *violations])] if ran else []
    parts += [f"{max(found):.2f}"] if found else []
    parts += [counts_text(others, always=())] if (others := counts - passed) else []
    bad = counts[Status.FAIL] + counts[Status.ERROR] + len(violations)
    return Text("  ".join(parts), "red" if bad else "green" if ran else "yellow")
