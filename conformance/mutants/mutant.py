"""Mutants: an implementation with one defect, and the tier that must fail it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from conformance.faults.changes import Change
from conformance.faults.fault import Fault
from conformance.implementations.errors import NotSupported
from conformance.implementations.local import LocalImplementation
from conformance.implementations.registry import ORACLE, OURS, load
from conformance.oracle.training import Step

# An attribute of a module or class, and its value while the mutant runs.
Patch = tuple[Any, str, Any]


def unchanged(module: Any) -> None:
    """Leave a module as it is."""


def whole(step: Step) -> Step:
    """Return a training step as it is."""
    return step


@dataclass(frozen=True)
class Mutant:
    """An implementation, by default the oracle in float32, with one deliberate defect.

    `tier` must fail it. `change` edits the module once it is built, `adapt` the object that the
    suite sees around it; `patches` hold while it is built and runs, but not while the right results
    are computed; `step` edits the training step that it returns, and without `trains` it takes
    none. A correct variant is a mutant without a defect, which every tier must pass.
    """

    name: str
    description: str
    tier: str = ""
    change: Change = field(default=unchanged, repr=False)
    adapt: Change = field(default=unchanged, repr=False)
    patches: tuple[Patch, ...] = field(default=(), repr=False)
    step: Callable[[Step], Step] = field(default=whole, repr=False)
    trains: bool = True
    implementation: str = ORACLE

    @classmethod
    def of(cls, fault: Fault) -> Mutant:
        """The mutant that makes a usual fault."""
        return cls(fault.name, fault.description, fault.tier, fault.change)


class MutantImplementation(LocalImplementation):
    """A mutant that tiers can judge."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.name, self._build)
        self.is_ours = mutant.implementation in (ORACLE, *OURS)
        self._mutant = mutant
        self._right, _ = load(mutant.implementation)

    def _build(self, architecture: str, config: Mapping[str, Any], weights: Any) -> Any:
        built = self._right(architecture, config, weights)
        self._mutant.change(built.module)
        self._mutant.adapt(built)
        return built

    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        is_step = request == "train_step"
        if is_step and not self._mutant.trains:
            raise NotSupported("it has no gradients")
        with ExitStack() as stack:
            for place in self._mutant.patches:
                stack.enter_context(patch.object(*place))
            result = super()._request(request, arguments)
        return self._mutant.step(result) if is_step else result
