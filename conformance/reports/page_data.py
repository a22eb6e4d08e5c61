"""The data of a page for a browser: small, since every case of a run may have failed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.cases.case import Case
from conformance.implementations.errors import shorten
from conformance.judging.verdict import Pattern, Status, Verdict, Worst
from conformance.reports.report import Report
from conformance.running.journal import Key, key

# The letter of a verdict, as pytest writes it.
LETTERS = {
    Status.PASS: ".",
    Status.FAIL: "F",
    Status.ERROR: "E",
    Status.SKIP: "s",
    Status.KNOWN: "k",
}
# Characters of all texts together, of one text, and the rows and columns of a picture.
ALL_TEXT, LEAST_TEXT, MOST_TEXT = 500_000, 100, 1000
PIXELS = 12


class Table(dict[Any, int]):
    """The place of each of several values, in the order in which they were first asked for."""

    @classmethod
    def of(cls, values: Iterable[Any]) -> Table:
        """The table that was asked for these first."""
        return cls((value, place) for place, value in enumerate(dict.fromkeys(values)))

    def __missing__(self, value: Any) -> int:
        self[value] = len(self)
        return self[value]


def page_data(
    verdicts: Sequence[Verdict], report: Report, causes: Mapping[Key, int],
    changes: Mapping[Key, str],
) -> dict[str, Any]:  # fmt: skip
    """The verdicts as rows of a table, with places in other tables for whatever is repeated.

    `causes` are the numbers of their causes, `changes` those since an earlier report.
    """
    limit = max(LEAST_TEXT, min(MOST_TEXT, ALL_TEXT // max(len(verdicts), 1)))
    tiers = Table.of(verdict.tier for verdict in verdicts)
    names, texts, kinds = Table.of(report.names), Table.of([""]), Table.of([""])
    places, pictures = Table(), Table()
    rows = [
        [
            places[about(verdict, report.case(verdict))],
            tiers[verdict.tier],
            names[verdict.implementation],
            LETTERS[verdict.status],
            _rounded(verdict.ratio),
            texts[shorten(verdict.message, limit)],
            texts[shorten(verdict.hint, limit)],
            causes.get(key(verdict), -1),
            verdict.worst and _worst(verdict.worst),
            -1 if verdict.pattern is None else pictures[picture(verdict.pattern)],
            kinds[changes.get(key(verdict), "")],
        ]
        for verdict in verdicts
    ]
    tables = {
        "tiers": tiers, "names": names, "cases": places, "texts": texts, "pictures": pictures,
        "changes": kinds,
    }  # fmt: skip
    return {"verdicts": rows, **{name: list(table) for name, table in tables.items()}}


def about(verdict: Verdict, case: Case | None) -> tuple[str, ...]:
    """A case in words: its id, configuration, input, and data; the id alone where it is no case."""
    if case is None:
        return (verdict.case,)
    form = "" if case.form == "training" else f" in form {case.form}"
    arguments = ", ".join(f"{name}={value!r}" for name, value in case.config.items())
    shape = " x ".join(map(str, case.input_shape))
    return verdict.case, f"{case.architecture}({arguments}){form}", shape, case.data


def picture(pattern: Pattern) -> tuple[Any, ...]:
    """Shares of wrong elements as digits, by place and by channel, and where they are in words."""
    shares = np.array(pattern.places)
    rows, columns = map(_starts, shares.shape)
    small = np.maximum.reduceat(np.maximum.reduceat(shares, rows, axis=0), columns, axis=1)
    channels = np.maximum.reduceat(pattern.channels, _starts(len(pattern.channels)))
    places = tuple(map(_digits, small))
    return places, _digits(channels), where(pattern), *shares.shape, len(pattern.channels)


def where(pattern: Pattern) -> str:
    """The rows, columns and channels that have wrong elements.

    >>> where(Pattern(((0.0, 0.0), (0.0, 0.5)), (0.25, 0.0, 0.0)))
    'row 1, column 1, channel 0'
    """
    places = pattern.places
    shares = {
        "row": [max(row) for row in places],
        "column": [max(column) for column in zip(*places, strict=True)],
        "channel": pattern.channels,
    }
    return ", ".join(_span(name, values) for name, values in shares.items())


def script_json(data: Any) -> str:
    """JSON that can stand in a page: no text in it ends the element or begins a comment."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _span(name: str, shares: Sequence[float]) -> str:
    wrong = [place for place, share in enumerate(shares) if share > 0]
    if not wrong or len(wrong) == len(shares):
        return f"every {name}"
    if len(wrong) == 1:
        return f"{name} {wrong[0]}"
    if wrong[-1] - wrong[0] == len(wrong) - 1:
        return f"{name}s {wrong[0]} to {wrong[-1]}"
    return f"{len(wrong)} of {len(shares)} {name}s"


def _starts(count: int) -> np.ndarray:
    """Where the parts of rows, columns or channels begin, of which a picture shows the largest."""
    parts = min(count, PIXELS)
    return np.arange(parts) * count // parts


def _digits(shares: np.ndarray) -> str:
    return "".join(map(str, np.ceil(9 * shares).astype(int)))


def _worst(worst: Worst) -> list[str]:
    place = ", ".join(map(str, worst.index))
    values = (f"{worst.wanted:.9g}", f"{worst.got:.9g}", f"{worst.error:.3g}")
    return [f"[{place}]", *values, f"{worst.allowed:.3g}"]


def _rounded(ratio: float | None) -> float | str | None:
    if ratio is None or not math.isfinite(ratio):
        return None if ratio is None else str(ratio)
    return float(f"{ratio:.3g}")
