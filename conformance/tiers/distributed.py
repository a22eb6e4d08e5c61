"""Tier `distributed`: replicas that share a batch train as one device with all of it does."""

from __future__ import annotations

from conformance.cases.case import Case
from conformance.cases.replicas import replica_cases, run_of
from conformance.implementations.implementation import Implementation
from conformance.judging.replicas import judge_replicas, reference_replicas
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.tiers.base import DEFAULT_SETTINGS, Memo, Settings, Tier


class DistributedTier(Tier):
    """Five steps on several replicas: outputs, gradients, statistics and parameters of each."""

    name = "distributed"
    in_default = False
    in_pytest = False

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        super().__init__(settings)
        self._references = Memo(self._reference)

    def cases(self) -> list[Case]:
        """A case for every way to share a batch."""
        return list(replica_cases(self.name))

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Every array of every step by the rule of tier `training`."""
        steps = implementation.train_on_replicas(*run_of(case))
        return judge_replicas(steps, self._references(case))

    def _reference(self, case: Case) -> list[Reference]:
        def compute() -> list[Reference]:
            return reference_replicas(*run_of(case))

        return self.kept.references([case.to_dict()], compute)
