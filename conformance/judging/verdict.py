"""The result of one case for one implementation, and how a report writes it down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

TEXTS = ("case", "tier", "implementation", "message", "hint")


class Status(StrEnum):
    """The end of a case: `known` is a failure that a list of known deviations explains."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"
    KNOWN = "known"


@dataclass(frozen=True)
class Worst:
    """The element with the largest error over what is allowed."""

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
    """Shares of wrong elements of a feature map, at each row and column and in each channel."""

    places: tuple[tuple[float, ...], ...]
    channels: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """The result of a case by the rule of its tier.

    `ratio` is the largest error over what is allowed, None where the tier compares no numbers.
    """

    status: Status
    ratio: float | None = None
    message: str = ""
    worst: Worst | None = None
    hint: str = ""
    pattern: Pattern | None = field(default=None, repr=False)

    @staticmethod
    def passed(ratio: float | None = None) -> Outcome:
        """The outcome of what is within the rule."""
        return Outcome(Status.PASS, ratio)

    @staticmethod
    def failed(message: str) -> Outcome:
        """The outcome of what is outside the rule."""
        return Outcome(Status.FAIL, message=message)

    @staticmethod
    def skipped(reason: str) -> Outcome:
        """The outcome of what was not run, and why."""
        return Outcome(Status.SKIP, message=reason)


@dataclass(frozen=True, kw_only=True)
class Verdict(Outcome):
    """The outcome of a case of a tier for an implementation."""

    case: str
    tier: str
    implementation: str
    seconds: float = 0.0

    @classmethod
    def of(
        cls, outcome: Outcome, case: str, tier: str, implementation: str, seconds: float = 0.0
    ) -> Verdict:
        """The verdict that an outcome is, once it is known of what."""
        place: dict[str, Any] = {"case": case, "tier": tier, "implementation": implementation}
        return cls(**vars(outcome), **place, seconds=seconds)

    @property
    def is_bad(self) -> bool:
        """True of a failure and of an error, with either of which a run does not end well."""
        return self.status in (Status.FAIL, Status.ERROR)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON writes it, which has no NaN and no infinity: they become text."""
        names = {"case": self.case, "tier": self.tier, "implementation": self.implementation}
        return names | jsonable(asdict(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_dict`; raises `TypeError` and the like for what is no verdict."""
        if not all(isinstance(values[name], str) for name in TEXTS):
            raise TypeError(f"{', '.join(TEXTS)} must be texts")
        worst, ratio, pattern = (values.get(name) for name in ("worst", "ratio", "pattern"))
        read: dict[str, Any] = {"status": Status(values["status"])}
        read["seconds"] = float(values["seconds"])
        if ratio is not None:
            read["ratio"] = float(ratio)
        if worst is not None:
            numbers = {key: float(value) for key, value in worst.items() if key != "index"}
            read["worst"] = Worst(tuple(worst["index"]), **numbers)
        if pattern is not None:
            places = tuple(tuple(map(float, row)) for row in pattern["places"])
            (_,) = set(map(len, places))  # as long as each other
            read["pattern"] = Pattern(places, tuple(map(float, pattern["channels"])))
        return cls(**{**values, **read})


def first_failure(outcomes: Iterable[tuple[str, Outcome]]) -> Outcome:
    """The first outcome that is no pass, its name before its message, or a pass of them all.

    The ratio of the pass is the worst of the ratios.
    """
    worst = 0.0
    for name, outcome in outcomes:
        if outcome.status is not Status.PASS:
            return replace(outcome, message=f"{name}: {outcome.message}")
        worst = max(worst, outcome.ratio or 0.0)
    return Outcome.passed(worst)


def jsonable(value: Any) -> Any:
    """A value as JSON writes it: tuples as lists, NaN and infinity as text.

    What is no text in a string, such as a byte of a file's name, is written with escapes.
    """
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
