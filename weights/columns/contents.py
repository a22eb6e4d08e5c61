"""What a module is made of: its configuration, and its tensors by canonical name and layout."""

import json
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from weights.columns.actual import Facts, actual
from weights.columns.backend import Backend, GhostModule, Module, Variable
from weights.columns.partial import Selection
from weights.errors import ArgumentError
from weights.files.digests import common_dtype
from weights.files.loading import check_module, check_tensors
from weights.modules.configuration import known_tensors
from weights.networks.architectures import Config, configure
from weights.networks.custom import CUSTOM
from weights.tensors import TensorSpec

# What to do with a module that is none of a package.
OTHERS = "; save_weights, load_weights and deploy alone take networks of your own"


class Configured(Protocol):
    """A layer or network of this project."""

    @property
    def architecture(self) -> str:
        """Its name in the interchange file."""

    @property
    def plan(self) -> Config:
        """Its checked configuration."""

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build it in any framework."""


T = TypeVar("T", bound=Configured)


class Contents(Backend[Module, GhostModule, Variable]):
    """Configuration and tensors of modules, read and written, over what `Backend` says."""

    def build(
        self, architecture: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> GhostModule:
        """Build the module of that architecture and configuration, with these tensors.

        Args:
            architecture: a name such as `ghost_conv`.
            config: its arguments; what is left out has its default.
            tensors: by canonical name and in canonical layout, all of the dtype to build it with.

        Raises `weights.GhostError`, above all `weights.MismatchError` for other tensors.
        """
        if architecture == CUSTOM:
            raise ArgumentError(
                "a user's own network must be built by its own code, got a file of one, which "
                "tells its modules: load_weights(network, path) then fills it, and `ghost-weights "
                "template` prints its skeleton"
            )
        checked = configure(architecture, config)
        module = self.make(architecture, checked.to_dict(), common_dtype(tensors))
        self._set(module, checked, tensors)
        return module

    def state(self, module: Module) -> dict[str, np.ndarray]:
        """The tensors of `module` as NumPy arrays of their own, canonical names and layout.

        Raises `weights.ArgumentError` for a module that is not what its configuration says.
        """
        return self._contents(module)[2]

    def set_state(self, module: Module, tensors: Mapping[str, np.ndarray]) -> None:
        """Give `module` these tensors: the reverse of `state`.

        Raises `weights.MismatchError` with every difference, and changes nothing then.
        """
        self._set(module, self._actual(module)[1], tensors)

    def note_new(self, module: Any) -> None:
        """Remember what a module is that has just been made: `state` then makes none to compare."""
        _new_facts(self, module.architecture, module.config, module)

    def specs_of(self, module: Any) -> list[TensorSpec]:
        """The tensors that the module has, by canonical name, kind and shape.

        Raises `weights.ArgumentError` for a module that was changed into what no configuration
        describes.
        """
        return list(known_tensors(self._actual(module)[1]))

    def _actual(self, module: Any) -> tuple[str, Config]:
        """The architecture and the configuration of what the module is now."""
        check_module(module, self.architectures, OTHERS if self.base else "")
        fresh = _new_facts(self, module.architecture, module.config)
        return module.architecture, actual(module.plan, self.facts(module), fresh)

    def _contents(self, module: Any) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
        """Architecture, configuration and tensors of what the module is now."""
        architecture, config = self._actual(module)
        self.create_variables(module)
        specs = known_tensors(config)
        variables = self.variables_of(module, specs)
        tensors = {spec.name: self.to_canonical(variables[spec.name], spec) for spec in specs}
        return architecture, config.to_dict(), tensors

    def _like(self, module: T, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> T:
        """Another configuration of `module` with these tensors: where it is, and in its mode."""
        made: T = self.make_like(module, config, common_dtype(tensors))
        self._set(made, made.plan, tensors)
        return made

    def _set(self, module: Any, config: Config, tensors: Mapping[str, np.ndarray]) -> None:
        whole = Selection(known_tensors(config), dict(tensors), [])
        self._write(module, whole, f"cannot set the state of {type(module).__name__}")

    def _write(self, module: Any, chosen: Selection, what: str) -> None:
        """Check everything, then change the module."""
        self.create_variables(module)
        tensors, specs = chosen.tensors, chosen.specs
        variables = self.variables_of(module, specs)
        dtypes = {name: self.dtype_of(variable) for name, variable in variables.items()}
        check_tensors(specs, tensors, dtypes=dtypes, what=what, earlier=chosen.problems)
        values = {
            spec.name: self.to_native(tensors[spec.name], spec, variables[spec.name])
            for spec in specs
        }
        self.assign(module, variables, values, what)


# The facts of new modules, by column, architecture and configuration.
_NEW_FACTS: dict[tuple[Any, str, str], Facts] = {}
MOST_FACTS = 64


def _new_facts(
    contents: Contents[Any, Any, Any], architecture: str, config: Mapping[str, Any],
    module: Any = None,
) -> Facts:  # fmt: skip
    """The facts of a new module: of `module`, which is one, or of one that is made for them."""
    key = contents, architecture, json.dumps(config)
    found = _NEW_FACTS.get(key)
    if found is None:
        new = contents.make_empty(architecture, config) if module is None else module
        found = contents.facts(new)
        if len(_NEW_FACTS) >= MOST_FACTS:
            _NEW_FACTS.clear()
        _NEW_FACTS[key] = found
    return found
