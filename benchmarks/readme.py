"""Writes the figures of README.md that runs produce: `python -m benchmarks.readme`.

The default conformance run gives the table of proof and the images that were classified, the
selftest its counts and the table of docs/tolerances.md, the handovers of training their worst
ratio.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance import Status, Verdict
from conformance.reports.report import LINES, read_report
from conformance.reports.summary import ratios

README = Path(__file__).resolve().parents[1] / "README.md"
TOLERANCES = README.parent / "docs" / "tolerances.md"
ROW = r"^\| `{tier}`: ([^|]*) \|.*$"
IMAGES = r"the (\d+) held-out images with the same answers everywhere: (\d+) right"
SELFTEST = r"(\d+) deliberate defects(.*?)(\d+) correct variants(.*?)in ([\d,]+) cases"
SENSITIVITY = r"^\| tier \| tensor \| smallest [^\n]*\n(?:\|[^\n]*\n)+"
HANDOVERS = r"stay within (\d\.\d\d) of what"


def proof(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """The cells of the table, by tier: cases passed of all, and the worst ratio where it is one.

    Implementations stand in the order in which the run judged them.
    """
    names = list(dict.fromkeys(verdict.implementation for verdict in verdicts))
    tiers = list(dict.fromkeys(verdict.tier for verdict in verdicts))
    return {
        tier: [_cell([v for v in verdicts if (v.tier, v.implementation) == (tier, name)])
               for name in names]
        for tier in tiers
    }  # fmt: skip


def _cell(verdicts: Sequence[Verdict]) -> str:
    passed = sum(verdict.status is Status.PASS for verdict in verdicts)
    found = ratios(verdicts)
    worst = f" {max(found):.2f}" if found else ""
    return f"{passed}/{len(verdicts)}{worst}"


def with_proof(text: str, cells: dict[str, list[str]]) -> str:
    """The README with these cells in its table; raises `ValueError` for a tier without a row."""
    for tier, row in cells.items():
        new = rf"| `{tier}`: \g<1> | {' | '.join(row)} |"
        text = replaced(text, ROW.format(tier=tier), new)
    return text


def replaced(text: str, pattern: str, new: str) -> str:
    """The text with what a pattern finds written anew; raises `ValueError` where it finds none."""
    changed, count = re.subn(pattern, new, text, count=1, flags=re.MULTILINE)
    if not count:
        raise ValueError(f"README.md has no text of the form {pattern}")
    return changed


def with_images(text: str, output: str) -> str:
    """The README with the images that a run classified right; all must agree."""
    found = set(re.findall(r"(\d+) of (\d+) images right", output))
    if len(found) != 1:
        raise ValueError(f"the networks must classify as many images right, got {sorted(found)}")
    ((right, total),) = found
    new = rf"the {total} held-out images with the same answers everywhere: {right} right"
    return replaced(text, IMAGES, new)


def with_selftest(text: str, document: Mapping[str, Any]) -> str:
    """The README with what the selftest counted; raises `ValueError` where it is not green."""
    survived = [each["name"] for each in document["mutants"] if each["caught_by"] is None]
    alarms = [each["name"] for each in document["variants"] if each["false_alarms"]]
    if survived or alarms:
        raise ValueError(f"the selftest must be green, got {survived} alive, {alarms} accused")
    defects, variants = len(document["mutants"]), len(document["variants"])
    cases = sum(each["cases"] for each in document["variants"])
    new = rf"{defects} deliberate defects\g<2>{variants} correct variants\g<4>in {cases:,} cases"
    return replaced(text, SELFTEST, new)


def with_sensitivity(text: str, table: str) -> str:
    """docs/tolerances.md with the table of the smallest errors that are seen."""
    return replaced(text, SENSITIVITY, table)


def with_handovers(text: str, output: str) -> str:
    """The README with the worst ratio of training that goes on in another framework."""
    worst = max(re.findall(r"\b\d\.\d\d\b", output))
    return replaced(text, HANDOVERS, f"stay within {worst} of what")


def run(*arguments: str) -> str:
    """The output of a command of this project, which must end well."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Run everything, and write the README anew."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        output = run("conformance", "run", "--report", folder)
        text = with_proof(text, proof(read_report(Path(folder) / LINES).verdicts))
    text = with_images(text, output)
    text = with_selftest(text, json.loads(run("conformance", "selftest", "--json")))
    table = with_sensitivity(
        TOLERANCES.read_text(encoding="utf-8"), run("conformance", "selftest", "--sensitivity")
    )
    TOLERANCES.write_text(table, encoding="utf-8")
    text = with_handovers(text, run("tests.training.trajectories"))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
