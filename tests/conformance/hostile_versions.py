"""A module whose `versions` are what no report can hold."""

from __future__ import annotations

from typing import Any

from tests.conformance.hostile import Endless, right

build = right


def versions() -> dict[Any, Any]:
    return {
        "nan": float("nan"),
        7: object(),
        "\x1b[31m": "\x1b]0;title\x07",
        "long": "x" * 10_000_000,
        **{str(number): number for number in range(1000)},
    }


strict_arithmetic = Endless
