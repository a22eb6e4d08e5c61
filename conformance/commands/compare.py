"""The command `ghost-conformance compare`."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands import common
from conformance.reports import comparison, terminal
from conformance.reports.files import render_page
from conformance.reports.report import lines_of, read_report

SHOWN = 20


@click.command()
@click.argument("before", type=common.FILE)
@click.argument("after", type=common.FILE)
@click.option(
    "--page", type=common.FILE, metavar="FILE", help="Write the page of AFTER with the changes."
)
def compare(before: Path, after: Path, page: Path | None) -> None:
    """Print what changed from one report to another, each a report.jsonl or its folder.

    Exit code 0: nothing is worse, 1: a case fails newly, or passed and is not judged any more, 2:
    usage, or what is no report.
    """
    common.exit_with(lambda: _compare(before, after, page))


def _compare(before: Path, after: Path, page: Path | None) -> int:
    earlier, later = (read_report(lines_of(path)) for path in (before, after))
    found = comparison.compare(earlier, later)
    if page is not None:
        page.write_text(render_page(later, earlier), encoding="utf-8")
    console = terminal.console()
    for change in comparison.Change:
        places = found.of(change)
        if places:
            style = "red" if change in comparison.WORSE else "default"
            console.print(f"{len(places)} {change}", style=style)
            for place in places[:SHOWN]:
                console.print(f"  {found.describe(place)}", soft_wrap=True)
            if len(places) > SHOWN:
                console.print(f"  ... and {len(places) - SHOWN} more")
    for name, times in found.seconds.items():
        first, second = ("absent" if each is None else f"{each:.1f} s" for each in times)
        console.print(f"{name}: {first}, now {second}")
    console.print(
        "something is worse" if found.is_worse else "nothing is worse",
        style="red" if found.is_worse else "green",
    )
    return common.FAILED if found.is_worse else common.PASSED
