"""What the suite says of one case and one implementation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a case ended; five different things."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"
    KNOWN = "known"


@dataclass(frozen=True)
class Worst:
    """The element furthest beyond what is allowed."""

    index: tuple[int, ...]
    got: float
    wanted: float
    error: float
    allowed: float
    ratio: float

    def __str__(self) -> str:
        return (
            f"at {list(self.index)}: got {self.got!r}, wanted {self.wanted!r}, "
            f"error {self.error:.3g}, allowed {self.allowed:.3g}, ratio {self.ratio:.3g}"
        )


@dataclass(frozen=True)
class Pattern:
    """Where a map is wrong: the share of wrong elements at each row and column, and channel."""

    places: tuple[tuple[float, ...], ...]
    channels: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """What a tier says of a case."""

    status: Status
    ratio: float | None = None
    message: str = ""
    worst: Worst | None = None
    hint: str = ""
    pattern: Pattern | None = field(default=None, repr=False)

    @classmethod
    def passed(cls, ratio: float | None = None, message: str = "") -> Outcome:
        """Within the rule; `ratio` is error over allowed, where the tier has one."""
        return cls(Status.PASS, ratio, message)

    @classmethod
    def failed(
        cls,
        message: str,
        worst: Worst | None = None,
        hint: str = "",
        ratio: float | None = None,
        pattern: Pattern | None = None,
    ) -> Outcome:
        """Outside the rule."""
        return cls(Status.FAIL, ratio, message, worst, hint, pattern)

    @classmethod
    def skipped(cls, reason: str) -> Outcome:
        """Not run, for a reason that a person can read."""
        return cls(Status.SKIP, message=reason)


@dataclass(frozen=True)
class Verdict:
    """An outcome with its case, its tier and its implementation."""

    case: str
    tier: str
    implementation: str
    status: Status
    ratio: float | None = None
    message: str = ""
    worst: Worst | None = None
    hint: str = ""
    seconds: float = 0.0
    pattern: Pattern | None = field(default=None, repr=False)

    @property
    def is_bad(self) -> bool:
        """Whether the run must not end well."""
        return self.status in (Status.FAIL, Status.ERROR)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON writes it, which has no NaN and no infinity: they become text."""
        worst = self.worst and {key: _jsonable(value) for key, value in asdict(self.worst).items()}
        pattern = self.pattern and {
            "places": [list(row) for row in self.pattern.places],
            "channels": list(self.pattern.channels),
        }
        values = {
            "status": self.status.value,
            "ratio": _jsonable(self.ratio),
            "worst": worst,
            "pattern": pattern,
        }
        return asdict(self) | values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_dict`."""
        worst, ratio = values.get("worst"), values.get("ratio")
        if worst is not None:
            index = tuple(worst["index"])
            numbers = {key: float(value) for key, value in worst.items() if key != "index"}
            worst = Worst(index, **numbers)
        ratio = None if ratio is None else float(ratio)
        pattern = values.get("pattern")
        if pattern is not None:
            places = tuple(tuple(map(float, row)) for row in pattern["places"])
            pattern = Pattern(places, tuple(map(float, pattern["channels"])))
        status = Status(values["status"])
        read = {"status": status, "ratio": ratio, "worst": worst, "pattern": pattern}
        return cls(**{**values, **read})


def _jsonable(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
