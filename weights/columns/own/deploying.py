"""The ghost modules of a user's network in deployed form, and a report of what was left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.fold import deployed
from weights.columns.own.features import Featured
from weights.columns.places import Part
from weights.errors import ArgumentError
from weights.text import listed

BATCH_NORM = "a batch normalisation outside of ghost modules"
NOT_EXCHANGED = "it stands inside a layer that its framework cannot build again"


@dataclass(frozen=True)
class Left:
    """A module that stayed as it was, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"'{self.path}': {self.reason}"


@dataclass(frozen=True, repr=False)
class DeployReport:
    """The ghost modules that were deployed, by their paths, and what was left; prints as a table.

    >>> DeployReport(("stem",), (Left("norm", BATCH_NORM),))
    1 module deployed, 1 left
      deployed  stem
      left      norm  a batch normalisation outside of ghost modules
    """

    deployed: tuple[str, ...]
    left: tuple[Left, ...]

    def __str__(self) -> str:
        count = len(self.deployed)
        lines = [f"{count} module{'s' * (count != 1)} deployed, {len(self.left)} left"]
        lines += [f"deployed  {path}" for path in self.deployed]
        width = max((len(each.path) for each in self.left), default=0)
        lines += [f"left      {each.path:<{width}}  {each.reason}" for each in self.left]
        return "\n  ".join(lines)

    __repr__ = __str__


class Deploying(Featured[Module, GhostModule, Variable]):
    """Deployment of the ghost modules inside a network."""

    def deploy_network(self, network: Any, form: str) -> tuple[Any, DeployReport]:
        """A copy of a network whose ghost modules are in that form, and the report.

        Raises `ArgumentError` where there is none that could be.
        """
        made: dict[int, Any] = {}
        left: dict[int, Left] = {}
        parts = list(self.parts(network))
        for part in parts:
            key = id(part.module)
            if self._is_batch_norm(part.module):
                left.setdefault(key, Left(part.path, BATCH_NORM))
            elif not self.is_custom(part.module) and key not in made:
                try:
                    made[key] = self._deployed(part.module, form)
                except ArgumentError as reason:
                    left.setdefault(key, Left(part.path, str(reason)))
        if not made:
            raise ArgumentError(_nothing(left.values()))
        copy = self.exchanged(network, made)
        self.prepare_inference(copy)
        return copy, self._report(parts, copy, made, left)

    def _deployed(self, module: Any, form: str) -> Any:
        made = self._like(module, *deployed(*self._contents(module), form))
        self.prepare_inference(made)
        return made

    def _is_batch_norm(self, module: Any) -> bool:
        try:
            return self.is_custom(module) and self.layer_of(module).kind == "batch_norm"
        except ArgumentError:
            return False

    def _report(
        self, parts: Iterable[Part], copy: Any, made: Mapping[int, Any], left: Mapping[int, Left]
    ) -> DeployReport:
        """What was put into its place, and what was not."""
        new = {id(module) for module in made.values()}
        there = {part.path for part in self.parts(copy) if id(part.module) in new}
        ghosts = [part.path for part in parts if id(part.module) in made]
        inside = [Left(path, NOT_EXCHANGED) for path in ghosts if path not in there]
        placed = tuple(path for path in ghosts if path in there)
        return DeployReport(placed, (*inside, *left.values()))


def _nothing(left: Iterable[Left]) -> str:
    reasons = listed(map(str, left), "; ")
    return "`module` must have ghost modules to deploy, got a network without" + (
        f" any that could be: {reasons}" if reasons else ""
    )
