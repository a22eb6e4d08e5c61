"""The operations on modules and tensors that every framework does in its own way."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from weights.columns.actual import Facts
from weights.columns.places import Layer, Part
from weights.tensors import TensorSpec

Module = TypeVar("Module")
GhostModule = TypeVar("GhostModule")
Variable = TypeVar("Variable")


class Backend(ABC, Generic[Module, GhostModule, Variable]):
    """How a framework makes modules, and how it holds their tensors.

    `Module` is the framework's class of all modules, `GhostModule` that of this project's,
    `Variable` what holds a tensor. `architectures` has the class of every architecture,
    `attributes` the name that a layer gives a tensor of each kind, where it is not the last part of
    the canonical name.
    """

    architectures: Mapping[str, type[GhostModule]]
    attributes: Mapping[str, str] = {}
    # The framework's class of all modules, where users make networks of them, and whether channels
    # come last in flattened images.
    base: type | None = None
    channels_last: bool = False

    @abstractmethod
    def make(self, architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> GhostModule:
        """A module whose variables have that type, and any values."""

    def make_like(self, module: Any, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        """Another configuration of `module`, with its places, modes and frozen variables."""
        return self.make(module.architecture, config, dtype)

    def make_empty(self, architecture: str, config: Mapping[str, Any]) -> GhostModule:
        """A module that is asked for its layers, not for values: as cheap as the framework can."""
        return self.make(architecture, config, np.dtype(np.float32))

    @abstractmethod
    def facts(self, module: Any) -> Facts:
        """Every layer inside `module` by its path: its kind, and all that its result depends on."""

    @abstractmethod
    def to_canonical(self, variable: Variable, spec: TensorSpec) -> np.ndarray:
        """A variable, or an array of its layout, as a NumPy array of its own."""

    @abstractmethod
    def to_native(self, array: np.ndarray, spec: TensorSpec, variable: Variable) -> Any:
        """A canonical array in the layout of the variable that it is for."""

    @abstractmethod
    def assign(
        self, module: Any, variables: Mapping[str, Variable], values: Mapping[str, Any], what: str
    ) -> None:
        """Give the variables these values, both by canonical name.

        Raises `weights.MismatchError`, headed by `what`, where one cannot have its value; no other
        has changed then.
        """

    def variables_of(self, module: Any, specs: Iterable[TensorSpec]) -> dict[str, Variable]:
        """The module's own variables for these tensors, by canonical name."""
        layers = Layers(module)

        def variable(spec: TensorSpec) -> Variable:
            layer, leaf = layers.place(spec.name)
            return getattr(layer, self.attributes.get(spec.kind, leaf))

        return {spec.name: variable(spec) for spec in specs}

    def dtype_of(self, variable: Variable) -> np.dtype:
        """The type of a variable's values."""
        return np.dtype(variable.dtype)  # type: ignore[attr-defined]

    def parts(self, network: Any) -> Iterable[Part]:
        """Every place of a network where a module stands that holds tensors of its own.

        That is a module of this project, a layer that `layer_of` knows, or what holds a variable
        itself; nothing inside these.
        """
        raise NotImplementedError

    def layer_of(self, module: Any) -> Layer:
        """An ordinary layer as a file tells it; raises `ArgumentError` that says why it cannot."""
        raise NotImplementedError

    def array_of(self, variable: Any) -> np.ndarray:
        """The values of a variable in the framework's own layout."""
        raise NotImplementedError

    def value_of(self, array: np.ndarray, variable: Any) -> Any:
        """What `assign` takes for an array in the framework's own layout."""
        raise NotImplementedError

    def exchanged(self, network: Any, made: Mapping[int, Any]) -> Any:
        """A copy of a network in which these modules stand for others, by the identity of those.

        Where the framework cannot put one there, the old one's copy stays.
        """
        raise NotImplementedError

    def is_own(self, module: Any) -> bool:
        """Whether it is a layer or network of this project."""
        return isinstance(module, tuple(self.architectures.values()))

    def unwrapped(self, module: Any) -> Any:
        """The module that a wrapper of the framework's runs."""
        return module

    def create_variables(self, module: Any) -> None:
        """Create the variables of a module that has none yet: those of most frameworks have."""

    def prepare_inference(self, module: Any) -> None:
        """Put a deployed module into the mode, and the order in memory, for inference."""


def by_architecture(*kinds: type[Any]) -> dict[str, type[Any]]:
    """Classes of layers and networks by the names that the interchange file has for them."""
    return {kind.architecture: kind for kind in kinds}


def _child(module: Any, name: str) -> Any:
    return module[int(name)] if name.isdigit() else getattr(module, name)


class Layers(dict[str, Any]):
    """The parts of a module by their dotted paths, each looked for once; `child` finds one.

    >>> Layers([1 + 2j]).place("0.imag")
    ((1+2j), 'imag')
    """

    def __init__(self, module: Any, child: Callable[[Any, str], Any] = _child) -> None:
        super().__init__({"": module})
        self._child = child

    def __missing__(self, path: str) -> Any:
        above, _, name = path.rpartition(".")
        found = self[path] = self._child(self[above], name)
        return found

    def place(self, name: str) -> tuple[Any, str]:
        """The layer that has the tensor of that name, and the last part of the name."""
        path, _, leaf = name.rpartition(".")
        return self[path], leaf


def submodule(module: Any, path: str) -> Any:
    """The part of a module at a dotted path; numbers are places in a list.

    >>> submodule([1 + 2j], "0.imag")
    2.0
    """
    return Layers(module)[path]
