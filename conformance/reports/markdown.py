"""A run on one page of Markdown, for a README or the summary of a CI job."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from conformance.implementations.errors import TEXT_LIMIT, shorten
from conformance.judging.verdict import Status, Verdict
from conformance.reports.causes import Cause, find_causes
from conformance.reports.report import Report
from conformance.reports.summary import (
    conclusion,
    count,
    count_run,
    counts_text,
    ratios,
    skips,
)
from weights.text import listed

SHOWN = 10
LONGEST = 200
# What means something to Markdown, or to HTML inside it.
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#!|~&$@])")


def summary(report: Report, causes: Sequence[Cause] | None = None) -> str:
    """The document: the end, tiers, notes, causes, skips, known deviations, where and when.

    `causes` are those of the report, which are found here where they are not given.
    """
    causes = find_causes(report) if causes is None else causes
    sign = "✅" if report.is_green else "❌"
    text = conclusion(report.verdicts, report.footer["not_green"])
    blocks = [f"## {sign} Conformance: {text}", *_doubts(report), _table(report)]
    blocks += map(escaped, report.footer["notes"])
    blocks += _section("Failures, by cause", [_cause(each, report) for each in causes])
    blocks += _section("Skipped", [
        f"{skip.count} of {_code(skip.implementation)}: {escaped(skip.reason)}"
        for skip in skips(report.verdicts)
    ])  # fmt: skip
    blocks += _section("Known deviations", [
        f"{_code(each.case)} of {_code(each.implementation)}: {escaped(each.message)}"
        for each in report.verdicts
        if each.status is Status.KNOWN
    ])  # fmt: skip
    return "\n\n".join([*blocks, _origin(report)]) + "\n"


def escaped(text: str) -> str:
    r"""A text of somebody else's as one line that Markdown shows as it is.

    >>> escaped("<b>_a_</b>\n| b")
    '\\<b\\>\\_a\\_\\</b\\> \\| b'
    """
    return SPECIAL.sub(r"\\\1", " ".join(shorten(text, LONGEST).split()))


def _code(text: str, limit: int = LONGEST) -> str:
    """A text in a span of code: a backtick would end it, a bar the cell of a table."""
    return "`" + shorten(text, limit).replace("`", "'").replace("|", "/").replace("\n", " ") + "`"


def _command(text: str) -> str:
    """A command, which nobody can type where its middle is left out."""
    return _code(text, TEXT_LIMIT)


def _doubts(report: Report) -> list[str]:
    missing = [f"{name} is missing: {why}" for name, why in report.header["missing"].items()]
    reasons = [f"not green: {reason}" for reason in report.footer["not_green"]]
    return [escaped(text) for text in [*reasons, *missing]]


def _table(report: Report) -> str:
    """Tiers by implementations: passed of all, the worst ratio, and what else there is."""
    names = report.names
    lines = [["tier", *map(_code, names)], ["---", *["---:"] * len(names)]]
    for tier in report.header["tiers"]:
        own = [
            [v for v in report.verdicts if (v.tier, v.implementation) == (tier, n)] for n in names
        ]
        lines.append([tier, *map(_cell, own)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(verdicts: Sequence[Verdict]) -> str:
    counts, found = count(verdicts), ratios(verdicts)
    others = counts - Counter({Status.PASS: counts[Status.PASS]})
    parts = [f"{counts[Status.PASS]}/{count_run(counts)}"] if count_run(counts) else []
    parts += [f"{max(found):.2f}"] if found else []
    parts += [f"**{counts_text(others, always=())}**"] if others else []
    return ", ".join(parts)


def _cause(cause: Cause, report: Report) -> str:
    command = _command(report.again(cause.verdicts[0]))
    scope = f", {escaped(cause.scope)}" if cause.scope else ""
    return f"**{escaped(str(cause))}** in {_code(cause.implementation)}{scope}: {command}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A heading and a list; nothing of an empty one."""
    found = list(lines)
    if found:
        yield f"### {title}"
        yield "- " + listed(found, "\n- ", SHOWN)


def _origin(report: Report) -> str:
    header = report.header
    versions = [
        f"{_code(name)}: {escaped(', '.join(f'{key} {value}' for key, value in facts.items()))}"
        for name, facts in header["implementations"].items()
        if facts
    ]
    where = f"{header['machine']}, Python {header['python']}, {report.footer['seconds']:.0f} s"
    commit = f", commit {_code(header['commit'])}" if header["commit"] else ""
    command = f"\n\n{_command(header['command'])}" if header["command"] else ""
    return f"{escaped(header['started'])}, {escaped(where)}{commit}. {'; '.join(versions)}{command}"
