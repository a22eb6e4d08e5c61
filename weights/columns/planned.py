"""What the layers and networks of all frameworks have in common, and no framework word in it."""

from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Any, TypeVar

from weights import checks
from weights.columns.backend import submodule
from weights.errors import ArgumentError
from weights.modules.configuration import Configuration
from weights.modules.convolutions import BranchesPlan

Out = TypeVar("Out")


class PlannedModule:
    """A layer or network that is built from a plan; comes before the framework's class."""

    architecture: str
    # The class of its plan.
    configuration: type[Configuration]
    plan: Any

    def _set_up(self, plan: Any, **options: Any) -> None:
        """Make the layers of a checked plan, with options of the framework that are checked."""
        raise NotImplementedError

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build the module in any framework."""
        return self.plan.to_dict()

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the module is in training, if it has one."""
        path = self.plan.first_norm
        return submodule(self, path) if path else None


def by_configuration(*kinds: type[Any]) -> dict[type, type[Any]]:
    """Classes of layers by those of their plans."""
    return {kind.configuration: kind for kind in kinds}


def branches(module: Any, plan: BranchesPlan) -> list[Any]:
    """The parallel branches that `module` was given, under timm's names."""
    copies, scale, skip = (
        getattr(module, f"{plan.name}_rpr_{kind}") for kind in ("conv", "scale", "skip")
    )
    return [*copies, *(branch for branch in (scale, skip) if branch is not None)]


def sum_branches(module: Any, plan: BranchesPlan, x: Any, **mode: Any) -> Any:
    """The sum of the branches that `module` was given; `mode` is Keras' `training`."""
    first, *others = branches(module, plan)
    out = first(x, **mode)
    for branch in others:
        out = out + branch(x, **mode)
    return out


def outputs_at(names: Collection[str], steps: Iterable[tuple[str, Out]]) -> dict[str, Out]:
    """The outputs of some stages; what comes after the last of them is not computed."""
    stages: dict[str, Out] = {}
    for name, out in steps:
        if name in names:
            stages[name] = out
        if len(stages) == len(names):
            break
    return stages


def with_features(make: Callable[..., Any], kind: Callable[..., Any]) -> Any:
    """What makes a network, or with `features_only` its feature maps as a module of that kind."""

    @wraps(make)
    def made(
        *args: Any, features_only: bool = False, out_indices: Any = None, **options: Any
    ) -> Any:
        if checks.boolean("features_only", features_only):
            return kind(make(*args, **options), out_indices)
        if out_indices is not None:
            raise ArgumentError(
                "`out_indices` must be left out of a whole network, got it without "
                "features_only=True"
            )
        return make(*args, **options)

    return made
