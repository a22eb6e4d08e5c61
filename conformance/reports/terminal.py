"""What a person sees: progress while it runs, a table and every failure at the end."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from conformance.cases.case import split_pair
from conformance.implementations.registry import Availability
from conformance.judging.verdict import Status, Verdict
from conformance.running.results import Run, is_green, timings

SHOWN_FAILURES = 20
WORDS = {
    Status.FAIL: "failed",
    Status.ERROR: "errors",
    Status.SKIP: "skipped",
    Status.KNOWN: "known",
}


def console(*, stderr: bool = False) -> Console:
    """A terminal that takes every text as it is, whatever brackets are in it."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


class Counts:
    """A progress bar for each implementation, with its counts."""

    def __init__(self, console: Console, names: Sequence[str], total: int) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {
            name: self._progress.add_task(name, total=total, counts="") for name in names
        }
        self._found: dict[str, Counter[Status]] = {name: Counter() for name in names}
        self._lock = Lock()

    def __enter__(self) -> Counts:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def observe(self, verdict: Verdict) -> None:
        """Count one more verdict."""
        with self._lock:
            found = self._found[verdict.implementation]
            found[verdict.status] += 1
            self._progress.update(
                self._tasks[verdict.implementation], advance=1, counts=_in_words(found)
            )


def show(
    console: Console, run: Run, tiers: Sequence[str], missing: Sequence[Availability],
    notes: Sequence[str],
    options: Mapping[str, str],
) -> None:  # fmt: skip
    """The table, what tiers have to tell, the failures and one last line.

    `options` are what a tier needs besides, by its name, in the command that reruns a case.
    """
    console.print(table(run, tiers, missing))
    console.print(effort(run))
    for note in notes:
        console.print(note, highlight=False)
    for gap in missing:
        console.print(f"{gap.name} is missing: {gap.reason}", highlight=False, style="yellow")
    bad = [verdict for verdict in run.verdicts if verdict.is_bad]
    for verdict in bad[:SHOWN_FAILURES]:
        console.print(
            describe(verdict, options.get(verdict.tier, "")), highlight=False, soft_wrap=True
        )
    if len(bad) > SHOWN_FAILURES:
        console.print(f"... and {len(bad) - SHOWN_FAILURES} more")
    found = Counter(verdict.status for verdict in run.verdicts)
    stopped = ", ended early: as many failures as --max-failures allows" * run.was_stopped
    style = "green" if is_green(run) else "red"
    console.print(f"{_in_words(found)} in {run.seconds:.0f} s{stopped}", style=style)


def table(run: Run, tiers: Sequence[str], missing: Sequence[Availability]) -> Table:
    """Tiers by implementations: passed of all, and the worst ratio of error to allowed."""
    grid = Table(title="passed of all; worst error / allowed")
    grid.add_column("tier")
    names = list(run.versions)
    for name in (*names, *(gap.name for gap in missing)):
        grid.add_column(_heading(name, run), justify="right")
    for tier in tiers:
        of_tier = [verdict for verdict in run.verdicts if verdict.tier == tier]
        cells = [
            _cell([v for v in of_tier if v.implementation == name], run.remarks.get(name, ()))
            for name in names
        ]
        grid.add_row(tier, *cells, *(Text("missing", "yellow") for _ in missing))
    return grid


def effort(run: Run) -> Table:
    """What every implementation took; how much of it compilation was, where outputs repeated."""
    grid = Table(title="effort")
    for column in ("implementation", "seconds", "cases a second", "compilation"):
        grid.add_column(column, justify="left" if column == "implementation" else "right")
    for each in timings(run):
        share = "--full tells" if each.compilation is None else f"{each.compilation:.0%}"
        grid.add_row(each.name, f"{each.seconds:.0f}", f"{each.speed:.1f}", share)
    return grid


def describe(verdict: Verdict, options: str = "", *, can_rerun: bool = True) -> Text:
    """A failure with all that helps, and the command that runs it again where there is one."""
    lines = [f"  {verdict.message}"]
    lines += [f"  worst {verdict.worst}"] if verdict.worst else []
    lines += [f"  hint: {verdict.hint}"] if verdict.hint else []
    lines += [f"  again: {rerun(verdict, options)}"] if can_rerun else []
    title = f"{verdict.status.upper()} {verdict.case} [{verdict.tier}, {verdict.implementation}]"
    return Text(title, "bold red").append("\n" + "\n".join(lines), "default")


def rerun(verdict: Verdict, options: str = "") -> str:
    """The command that runs a case again; a pair needs the writer of its file too."""
    case, writer = split_pair(verdict.case)
    names = dict.fromkeys(filter(None, (verdict.implementation, writer)))
    chosen = " ".join(f"--implementation {shlex.quote(name)}" for name in names)
    command = f"ghost-conformance run {chosen} --tier {verdict.tier} --case {shlex.quote(case)}"
    return f"{command} {options}".strip()


def _heading(name: str, run: Run) -> Text:
    """A name, with its precision where that is not float32, and its backend where it tells one."""
    backend = run.versions.get(name, {}).get("backend")
    lines = (name, str(run.precisions.get(name, "")), f"on {backend}" if backend else "")
    return Text("\n".join(filter(None, lines)))


def _cell(verdicts: Sequence[Verdict], remarks: Sequence[str]) -> Text:
    found = Counter(verdict.status for verdict in verdicts)
    ran = len(verdicts) - found[Status.SKIP]
    ratios = [verdict.ratio for verdict in verdicts if verdict.ratio is not None]
    words = [", ".join([f"{found[Status.PASS]}/{ran}", *remarks])] if ran else []
    words += [f"{max(ratios):.2f}"] if ratios else []
    words += [f"{found[status]} {WORDS[status]}" for status in WORDS if found[status]]
    bad = found[Status.FAIL] + found[Status.ERROR] + len(remarks)
    return Text("  ".join(words), "red" if bad else "green" if ran else "yellow")


def _in_words(found: Counter[Status]) -> str:
    parts = [f"{found[Status.PASS]} passed"]
    parts += [f"{found[status]} {word}" for status, word in WORDS.items() if found[status]]
    return ", ".join(parts)
