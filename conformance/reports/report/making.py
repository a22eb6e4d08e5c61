"""The report of a run that has just ended: what it came to, where, when, and of which commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from conformance.cases.case import Case, split_pair
from conformance.implementations.registry import ENVIRONMENT, installed_version
from conformance.reports.report.lines import Report, counts
from conformance.running.journal import Key
from conformance.running.results import Run, doubts, timings
from conformance.running.tasks import Work
from weights.text import printable

GIT_SECONDS = 10


def make_report(
    run: Run, work: Work, missing: Mapping[str, str] = MappingProxyType({}), *,
    settings: Mapping[str, Any] = MappingProxyType({}), command: str = "",
    code: Mapping[str, str] = MappingProxyType({}),
    smallest: Mapping[Key, Case] = MappingProxyType({}),
) -> Report:  # fmt: skip
    """The report of a run of this work.

    `missing` are our packages that could not run, and why, `settings` the options that decide which
    cases there are, `command` is the line that was typed, `code` holds digests of what was run. The
    report of a shard names the cases of all shards, in their order.
    """
    judged = {(verdict.tier, split_pair(verdict.case)[0]) for verdict in run.verdicts}
    cases = {(tier.name, case.id): case for tier, cases in work for case in cases}
    header = _header(run, missing) | {
        "started": _started(run.seconds),
        "command": command,
        "commit": commit(Path.cwd()),
        "tiers": [tier.name for tier, _ in work],
        "options": {tier.name: printable(tier.options()) for tier, _ in work},
        "settings": dict(settings),
        "code": dict(code),
    }
    if run.shard is not None:
        all_ids = {tier.name: [case.id for case in cases] for tier, cases in work}
        header["shard"] = asdict(run.shard) | {"cases": all_ids}
    notes = [note for tier, _ in work for note in tier.notes()]
    footer = make_footer(run, [*notes, *_more(work)])
    kept = {place: case for place, case in cases.items() if place in judged}
    return Report(header, kept, run.verdicts, footer, smallest)


def make_footer(run: Run, notes: Sequence[str]) -> dict[str, Any]:
    """The end of a report: what a run came to."""
    return {
        "counts": counts(run.verdicts),
        "not_green": [*doubts(run), *["the harness itself failed"] * bool(run.tracebacks)],
        "was_stopped": run.was_stopped,
        "seconds": round(run.seconds, 3),
        "effort": [asdict(timing) for timing in timings(run)],
        "outputs": {name: list(seconds) for name, seconds in run.outputs.items()},
        "tracebacks": run.tracebacks,
        "notes": list(notes),
    }


def commit(folder: Path) -> str:
    """The commit of a folder under git, `-dirty` where files differ from it; or empty."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(
            [*command, "--abbrev=12"], capture_output=True, text=True, timeout=GIT_SECONDS,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _more(work: Work) -> Iterator[str]:
    """What the tiers that this run has as a whole leave to one that is full."""
    shown = ", ".join(
        f"{tier.name} {number}"
        for tier, cases in work
        if tier.has_more and len(cases) == len(tier.cases()) and (number := tier.left_out())
    )
    if shown:
        yield f"more cases with --full: {shown}"


def _started(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _header(run: Run, missing: Mapping[str, str]) -> dict[str, Any]:
    return {
        "ghostconv": installed_version("ghostconv"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "environment": {key: os.environ.get(key, value) for key, value in ENVIRONMENT.items()},
        "implementations": run.versions,
        "remarks": {name: list(found) for name, found in run.violations.items()},
        "missing": dict(missing),
    }
