"""The base of every layer and network that is built from a plan."""

from typing import Any, TypedDict, TypeVar

from numpy.typing import DTypeLike

from weights.columns.planned import PlannedModule
from weights.modules.configuration import Configuration

Module = TypeVar("Module", bound="Planned")


class LayerOptions(TypedDict, total=False):
    """The keyword of the layers inside: the type of the parameters."""

    dtype: DTypeLike


class Planned(PlannedModule):
    """A layer or network with a `plan`."""

    def __init__(self, plan: Configuration, **options: Any) -> None:
        self.plan = plan
        self._set_up(plan, **options)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.config.items())
        return f"{type(self).__name__}({arguments})"


def from_plan(kind: type[Module], plan: Configuration, **options: Any) -> Module:
    """A module of a plan, as its constructor makes it of arguments; nothing is checked again."""
    module = kind.__new__(kind)
    Planned.__init__(module, plan, **options)
    return module
