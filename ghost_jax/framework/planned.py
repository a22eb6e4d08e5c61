"""The base of every layer and network that is built from a plan."""

from __future__ import annotations

from typing import Any, TypeVar

from flax import nnx

from weights.modules.configuration import Configuration

Module = TypeVar("Module", bound="Planned")


class Planned(nnx.Module):
    """A layer or network with a `plan`."""

    architecture: str
    plan: Any

    def __init__(self, plan: Configuration, **options: Any) -> None:
        self.plan = plan
        self._set_up(plan, **options)

    def _set_up(self, plan: Any, **options: Any) -> None:
        """Make the layers of a checked plan, with options of this framework that are checked."""
        raise NotImplementedError

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build the module in any framework."""
        return self.plan.to_dict()

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the layer is in training, if there is one."""
        return None


def from_plan(kind: type[Module], plan: Configuration, **options: Any) -> Module:
    """A module of a plan, as its constructor makes it of arguments; nothing is checked again."""
    module = kind.__new__(kind)
    # What the metaclass of Flax sets before it calls a constructor.
    vars(module).update(vars(nnx.Module()))
    Planned.__init__(module, plan, **options)
    return module
