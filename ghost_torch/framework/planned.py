"""The base of every layer and network that is built from a plan."""

from typing import Any, NoReturn, TypeVar

from torch import nn

from ghost_torch.framework.options import checked_options
from weights import ArgumentError
from weights.columns.planned import PlannedModule
from weights.modules.configuration import Configuration

Module = TypeVar("Module", bound="Planned")


class Planned(PlannedModule, nn.Module):
    """A layer or network with a `plan`.

    Their files have no `from __future__ import annotations`: torch.fx copies the types of `forward`
    into its code, where a type that is text would not run.
    """

    def __init__(self, plan: Configuration, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.plan = plan
        self._set_up(plan, **checked_options(device, dtype))

    def extra_repr(self) -> str:
        """The configuration, for `print(module)`."""
        return ", ".join(f"{name}={value!r}" for name, value in self.plan.to_dict().items())

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse `torch.jit.script`, which calls this first."""
        raise ArgumentError(
            f"torch.jit.script cannot compile {type(self).__name__}, whose checks are Python: "
            "script torch.fx.symbolic_trace(module), or use torch.export or torch.compile"
        )


def from_plan(kind: type[Module], plan: Configuration, **options: Any) -> Module:
    """A module of a plan, as its constructor makes it of arguments; nothing is checked again."""
    module = kind.__new__(kind)
    nn.Module.__init__(module)
    module.plan = plan
    module._set_up(plan, **options)
    return module
