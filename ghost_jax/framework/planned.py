"""The base of every layer and network that is built from a plan."""

from typing import Any, TypeVar

from flax import nnx

from ghost_jax.framework.options import checked_options
from weights.columns.planned import PlannedModule
from weights.modules.configuration import Configuration

Module = TypeVar("Module", bound="Planned")


class Planned(PlannedModule, nnx.Module):
    """A layer or network with a `plan`."""

    def __init__(
        self, plan: Configuration, dtype: Any, param_dtype: Any, rngs: Any, axis_name: Any,
        axis_index_groups: Any,
    ) -> None:  # fmt: skip
        self.plan = plan
        options = checked_options(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)
        self._set_up(plan, **options)


def from_plan(kind: type[Module], plan: Configuration, **options: Any) -> Module:
    """A module of a plan, as its constructor makes it of arguments; nothing is checked again."""
    module = kind.__new__(kind)
    # What the metaclass of Flax sets before it calls a constructor.
    vars(module).update(vars(nnx.Module()))
    module.plan = plan
    module._set_up(plan, **options)
    return module
