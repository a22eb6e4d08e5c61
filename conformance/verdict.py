"""What the suite says of one case and one implementation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a case ended; four different things."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


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
class Outcome:
    """What a tier says of a case."""

    status: Status
    ratio: float | None = None
    message: str = ""
    worst: Worst | None = None
    hint: str = ""

    @classmethod
    def passed(cls, ratio: float | None = None, message: str = "") -> Outcome:
        """Within the rule; `ratio` is error over allowed, where the tier has one."""
        return cls(Status.PASS, ratio, message)

    @classmethod
    def failed(
        cls, message: str, worst: Worst | None = None, hint: str = "", ratio: float | None = None
    ) -> Outcome:
        """Outside the rule."""
        return cls(Status.FAIL, ratio, message, worst, hint)

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

    @property
    def is_bad(self) -> bool:
        """Whether the run must not end well."""
        return self.status in (Status.FAIL, Status.ERROR)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON writes it."""
        return asdict(self) | {"status": self.status.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_dict`."""
        worst = values.get("worst")
        if worst is not None:
            worst = Worst(**{**worst, "index": tuple(worst["index"])})
        return cls(**{**values, "status": Status(values["status"]), "worst": worst})
