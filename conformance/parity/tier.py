"""Parity of one weight file: the oracle and every implementation, stage by stage.

Two things can be wrong with a ported network, and one comparison cannot tell them apart.

The *loading* can be wrong: the file is right, and a framework puts its tensors in the wrong place
or computes with another eps. Then the implementation differs from the oracle on the same file.
Comparison `given` runs the file's own weights; `randomised` runs the same kernels with batch
normalisations drawn at random (`conformance.parity.randomised`), for a fresh one hides most
mistakes.

The *import* can be wrong: the file itself has a kernel transposed or two blocks swapped. Then all
implementations and the oracle agree, on the wrong network, and only something that never went
through the import can tell. Comparison `reference` holds what implementations make of the file
against that: outputs that the source recorded, or what the oracle makes of the right file. The
reference's own statistics are used, never random ones: drawing them anew, by name, for both files
would repair the very mistakes that are looked for. Where they are as freshly made, a note says so.

The rule is the network tier's (`conformance.judging.stages`), at every stage: its first violation
names the place. With recorded outputs, the error allowed is that of the oracle's float32 run on the
file, as there are no right weights to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from conformance.cases.case import Case
from conformance.cases.tensors import Tensors
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import in_batches, judge_stage
from conformance.judging.verdict import Outcome, Verdict
from conformance.parity.trials import REFERENCE, Experiment, Trial
from conformance.tiers.base import Memo, Tier


@dataclass(frozen=True)
class Place:
    """A stage of a network, in a comparison, on an input."""

    comparison: str
    input: str
    stage: str

    def __str__(self) -> str:
        return f"{self.stage} [{self.comparison}, {self.input}]"


@dataclass(frozen=True)
class Difference:
    """The first stage that fails in a comparison, and the verdict of an implementation there."""

    place: Place
    verdict: Verdict


class ParityTier(Tier):
    """Everything that an experiment compares, as the cases of a run."""

    name = "parity"

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self.experiment = experiment
        self._outputs = Memo(self._run)
        self._trials = {
            Place(comparison, trial.label, stage): trial
            for trial in experiment.trials
            for comparison, wanted in trial.wanted.items()
            for stage in wanted.values
        }
        self.places = {str(place): place for place in self._trials}

    def cases(self) -> list[Case]:
        """A case for every comparison, input and stage, in the order of the network."""
        file = self.experiment.file
        return [
            Case(str(place), self.name, file.architecture, file.config, trial.x.shape, str(place))
            for place, trial in self._trials.items()
        ]

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Compare one stage by the rule of `conformance.judging.stages`."""
        place = self.places[case.id]
        trial = self._trials[place]
        outputs = self._outputs(implementation, trial)
        return judge_stage(outputs, trial.wanted[place.comparison], place.stage)

    def notes(self) -> list[str]:
        """Notes for the user on what the comparisons cannot show."""
        return [*self.experiment.notes, *self._silent_stages()]

    def first_differences(self, verdicts: Iterable[Verdict]) -> list[Difference]:
        """The first stage that fails, of each implementation in each comparison."""
        found: dict[tuple[str, str], Difference] = {}
        for verdict in (verdict for verdict in verdicts if verdict.is_bad):
            place = self.places[verdict.case]
            key = (verdict.implementation, place.comparison)
            if key not in found or self._order(place) < self._order(found[key].place):
                found[key] = Difference(place, verdict)
        return list(found.values())

    def conclusions(self, differences: Iterable[Difference]) -> Iterator[str]:
        """For each implementation that differs, a sentence that blames its loading or the import.

        `differences` are those of `first_differences`.
        """
        by_name: dict[str, dict[str, Place]] = {}
        for difference in differences:
            places = by_name.setdefault(difference.verdict.implementation, {})
            places[difference.place.comparison] = difference.place
        for name, places in by_name.items():
            own = [place for place in places.values() if place.comparison != REFERENCE]
            if own:
                stage = min(own, key=self._order).stage
                yield f"{name} does not compute what the file says, from {stage} on"
            else:
                stage = places[REFERENCE].stage
                yield (
                    f"{name} computes what the file says, which is not the reference from {stage} "
                    "on: look at the import (`ghost-weights diff` against a file that is right "
                    "names the tensors, and what was done to them)"
                )

    def _order(self, place: Place) -> int:
        return self.experiment.stages.index(place.stage)

    def _run(self, implementation: Implementation, trial: Trial) -> Tensors:
        return in_batches(lambda batch: implementation.taps(trial.model, batch), trial.x)

    def _silent_stages(self) -> Iterator[str]:
        """A note on the first stage of each comparison that has no finite number to compare."""
        silent: dict[str, Place] = {}
        for place, trial in self._trials.items():
            if not np.isfinite(trial.wanted[place.comparison].values[place.stage]).any():
                silent.setdefault(place.comparison, place)
        for place in silent.values():
            yield f"{place} has no finite number in the oracle: from there on nothing is compared"
