"""Tier `sequence`: one object, used again and again, gives what a new one would."""

from __future__ import annotations

import tempfile
from pathlib import Path

from conformance.cases import files
from conformance.cases.case import Case
from conformance.cases.model import make_model
from conformance.cases.sequences import OF_FILES, Given, sequence_cases, uses_of
from conformance.implementations.implementation import Implementation, Use
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.sequences import judge_sequence, reference_sequence
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.tiers.base import DEFAULT_SETTINGS, Memo, Settings, Tier


class SequenceTier(Tier):
    """Outputs of several inputs and sizes, training steps and loading, on one object in turn."""

    name = "sequence"

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        super().__init__(settings)
        self._references = Memo(self._reference)

    def cases(self) -> list[Case]:
        """A case for every sequence."""
        return list(sequence_cases(self.name))

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Every result within the bound of its element, or the rule of tier `training`."""
        model, _ = make_model(case)
        uses = list(uses_of(case))
        with tempfile.TemporaryDirectory() as folder:
            results = implementation.in_turn(model, [_as_asked(use, folder) for use in uses])
        wanted = self._references(case, implementation.precision.unit_roundoff)
        return judge_sequence(results, uses, wanted)

    def _reference(self, case: Case, unit: float = UNIT_ROUNDOFF) -> list[Reference]:
        def compute() -> list[Reference]:
            model, _ = make_model(case)
            return reference_sequence(model, list(uses_of(case)), unit)

        return self.kept.references([case.to_dict(), unit], compute)


def _as_asked(use: Given, folder: str) -> Use:
    """A use as an implementation is asked for it, with a file of what it loads."""
    if use.method not in OF_FILES:
        return use.method, use.arrays
    path = Path(folder, f"{use.file}.safetensors")
    files.write(path, use.file, use.model)
    return use.method, {"path": str(path)}
