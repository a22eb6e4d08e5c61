"""The base classes of all tiers, and the memory that the threads of a run share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import ClassVar, Generic, TypeVar, TypeVarTuple

from conformance.cases.case import Case
from conformance.implementations.implementation import Implementation
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.explanations import Suspects
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome, Verdict
from conformance.tiers.kept import Kept

Arguments = TypeVarTuple("Arguments")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Settings:
    """The choices of a run on which it depends what cases its tiers have."""

    random: int = 0
    """How many layers tier `random` draws."""
    full: bool = False
    """Whether the tiers that have more cases run all of them, not only the usual ones."""
    weights: Path | None = None
    """The weight file that tier `network` runs, with `images`, instead of the digits."""
    images: Path | None = None
    kept: bool = False
    """Whether what takes long is kept in the user's cache folder, for the next run."""


DEFAULT_SETTINGS = Settings()


class Tier(ABC):
    """A law, the cases that test it and the rule that judges them; an object serves one run."""

    name: ClassVar[str]
    in_vectors: ClassVar[bool] = False
    """Whether its cases can be written down for programs in other languages."""
    in_default: ClassVar[bool] = True
    """Whether a run has it that neither names it nor is full."""
    in_pytest: ClassVar[bool] = True
    """Whether its cases are tests under pytest."""
    has_more: ClassVar[bool] = False
    """Whether it has further cases in a run that is full."""

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        self.settings = settings
        self.kept = Kept(settings.kept)

    @abstractmethod
    def cases(self) -> list[Case]:
        """All cases of the run, in their order."""

    @abstractmethod
    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """The outcome of a case; raises what `implementation` raises."""

    def finish(
        self, implementations: Mapping[str, Implementation], cases: Sequence[Case]
    ) -> Iterator[Verdict]:
        """Verdicts about all implementations together, after every case was judged."""
        return iter(())

    def notes(self) -> list[str]:
        """Lines for the end of the run."""
        return []

    def left_out(self) -> int:
        """How many further cases it has in a run that is full."""
        if not self.has_more or self.settings.full:
            return 0
        return len(type(self)(replace(self.settings, full=True)).cases()) - len(self.cases())

    def options(self) -> str:
        """The options with which the command line has the cases of this run."""
        return "--full" if self.has_more and self.settings.full else ""


class OracleTier(Tier):
    """A tier whose right answers the oracle computes from the case."""

    in_vectors = True
    keeps_references: ClassVar[bool] = False
    """Whether its references take longer to compute than to read again."""

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        super().__init__(settings)
        self._references = Memo(self._find_reference)
        self.suspects = Suspects()

    def reference(self, case: Case, unit: float = UNIT_ROUNDOFF) -> Reference:
        """Every array that a case must give, and its error for a unit roundoff; computed once."""
        return self._references(case, unit)

    @abstractmethod
    def compute_reference(self, case: Case, unit: float) -> Reference:
        """The same, computed."""

    def _find_reference(self, case: Case, unit: float) -> Reference:
        if not self.keeps_references:
            return self.compute_reference(case, unit)
        of = [case.to_dict(), unit]
        return self.kept.reference(of, lambda: self.compute_reference(case, unit))


class Memo(Generic[*Arguments, Value]):
    """A function that is computed once for all threads; an exception is remembered as well."""

    def __init__(self, function: Callable[[*Arguments], Value]) -> None:
        self._function = function
        self._futures: dict[tuple[*Arguments], Future[Value]] = {}
        self._lock = Lock()

    def __call__(self, *arguments: *Arguments) -> Value:
        with self._lock:
            is_known = arguments in self._futures
            future = self._futures.setdefault(arguments, Future())
        if not is_known:
            try:
                future.set_result(self._function(*arguments))
            except BaseException as error:
                future.set_exception(error)
        return future.result()
