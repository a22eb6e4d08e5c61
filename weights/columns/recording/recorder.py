"""Running a user's network, and recording every call of its modules."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

import numpy as np

from weights.columns.column import Column
from weights.columns.own.renaming import moved
from weights.columns.recording.calls import Arrays, Calls
from weights.columns.recording.user_code import find_function, running
from weights.errors import ArgumentError, GhostError
from weights.files.file import read_metadata
from weights.networks.custom import CUSTOM

# The seed of what a training step multiplies the output by.
SEED = 20
STATISTICS = (".running_mean", ".running_var")


class Recorder(ABC):
    """Runs the network that a user's function makes, and records the calls of its modules.

    Args:
        target: `package.module:function`, found in the working folder too.
        weights: an interchange file that is loaded into the network; without it the network stays
            as the function made it.
        rename: from paths in the file to paths in the network; of the rules those that this network
            needs.
        flatten: as in `load_weights`.
    """

    framework: ClassVar[Column[Any, Any, Any]]
    # What the framework is called.
    name: ClassVar[str]

    def __init__(
        self, target: str, *, weights: str | None = None, rename: Mapping[str, str] | None = None,
        flatten: Mapping[str, Sequence[int]] | None = None,
    ) -> None:  # fmt: skip
        self._target = target
        self._make = find_function(target)
        self._weights = weights
        self._rename = dict(rename or {})
        self._flatten = dict(flatten or {})

    @classmethod
    def build(cls, architecture: str, config: Mapping[str, Any], weights: Any) -> Self:
        """The recorder of the function that is named in place of an architecture."""
        del weights  # those of the file
        return cls(architecture, **config)

    def record(
        self, inputs: Sequence[np.ndarray], *, double: bool = False, training: bool = False
    ) -> dict[str, Any]:
        """Run a fresh network on inputs in canonical layout: every call of a module.

        `double` runs it in float64, `training` as in training, with the gradients and the
        statistics of a step. Raises `ArgumentError` for code of the user's that raises.
        """
        with self.arithmetic(double):
            network, paths = self._network(inputs)
            network = self.widened(network) if double else network
            named = {id(module): _back(path, paths) for path, module in self.modules(network)}
            calls = Calls(named, self.arrays, self.told)
            given = [self._native(each, double=double) for each in inputs]
            with running(self._target, "calling its network"), self.watched(network, calls):
                output = self.run(network, given, training=training)
            found = {
                "channels_last": self.framework.channels_last,
                "training": training,
                "double": all(a.dtype == np.float64 for _, a in self.arrays(output)),
                "calls": calls.ended,
            }
            return found | (self._step(inputs, double=double) if training else {})

    def carry(self, inputs: Sequence[np.ndarray], path: str) -> None:
        """Write the weights of the network as the function made it."""
        network, _ = self._network(inputs)
        flatten = self._flatten if self.framework.is_custom(network) else None
        self.framework.save_weights(network, path, flatten=flatten)

    def arrays(self, value: Any, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """Every tensor in a value, by the keys and places that lead there."""
        if isinstance(value, Mapping | list | tuple):
            items = value.items() if isinstance(value, Mapping) else enumerate(value)
            for key, each in items:
                yield from self.arrays(each, f"{name}.{key}".removeprefix("."))
        else:
            array = self.array(value)
            if array is not None:
                yield name, array

    def told(self, module: Any) -> dict[str, Any] | None:
        """The kind, arguments and tensors of a layer that a file can tell; None of others."""
        try:
            members = self.framework.members(module)
        except GhostError:
            return None
        if len(members) != 1 or members[0].described.path:
            return None
        (member,) = members
        tensors = {slot.spec.name: slot.read() for slot in member.slots}
        described = member.described
        return {"kind": described.kind, "config": dict(described.config), "tensors": tensors}

    def arithmetic(self, double: bool) -> AbstractContextManager[None]:
        """The framework's arithmetic in float64 or not, where it is set for all."""
        del double
        return nullcontext()

    @abstractmethod
    def modules(self, network: Any) -> Iterator[tuple[str, Any]]:
        """Every module in a network, by its path."""

    @abstractmethod
    def tensor(self, array: np.ndarray) -> Any:
        """An array of the framework's layout as its tensor."""

    @abstractmethod
    def array(self, value: Any) -> np.ndarray | None:
        """A copy of a tensor that has values now; None of anything else."""

    @abstractmethod
    def widened(self, network: Any) -> Any:
        """The network in float64; raises `ArgumentError` where it cannot be."""

    @abstractmethod
    def watched(self, network: Any, calls: Calls) -> AbstractContextManager[None]:
        """Tell `calls` of the start and the end of every call of a module."""

    @abstractmethod
    def run(self, network: Any, inputs: Sequence[Any], *, training: bool) -> Any:
        """Call the network, in inference or in training."""

    @abstractmethod
    def differentiate(self, network: Any, inputs: Sequence[Any]) -> None:
        """A training step; afterwards every parameter holds its gradient."""

    def cotangent(self, shape: Sequence[int]) -> np.ndarray:
        """Random numbers of the shape of the output, the same of an output of any layout."""
        canonical = np.moveaxis(np.empty(shape), -1, 1).shape if self._moves(shape) else shape
        generator = np.random.Generator(np.random.PCG64(SEED))
        drawn = generator.normal(size=canonical)
        return np.moveaxis(drawn, 1, -1) if self._moves(shape) else drawn

    def _step(self, inputs: Sequence[np.ndarray], *, double: bool) -> dict[str, Any]:
        """The gradients and statistics of a step by the names of tensors, or why there are none."""
        network, paths = self._network(inputs)
        try:
            before = self._tensors(network, paths)
            network = self.widened(network) if double else network
            given = [self._native(each, double=double) for each in inputs]
            with running(self._target, "a training step of its network"):
                self.differentiate(network, given)
        except GhostError as error:
            return {"no_gradients": str(error)}
        after = self._tensors(network, paths)
        moved = {name: array for name, array in after.items() if name.endswith(STATISTICS)}
        gradients = {name: array for name, array in after.items() if name not in moved}
        were = {name: before[name] for name in moved}
        return {"gradients": gradients, "statistics": moved, "before": were}

    def _tensors(self, network: Any, paths: Mapping[str, str]) -> Arrays:
        if not self.framework.is_custom(network):
            return self.framework.state(network)
        flatten = {**self._flatten_of_file(paths), **self._flatten}
        tensors = self.framework.custom_contents(network, flatten)[2]
        return {_back(name, paths): array for name, array in tensors.items()}

    def _network(self, inputs: Sequence[np.ndarray]) -> tuple[Any, dict[str, str]]:
        """A network of the function, with the file's weights, and the rules that it needs."""
        with running(self._target, "calling it"):
            network = self._make()
        if not isinstance(network, self.framework.base or object):
            raise ArgumentError(
                f"{self._target} must return a network of {self.name}, got a "
                f"{type(network).__name__}"
            )
        with running(self._target, "calling its network"):
            self.settle(network, [self._native(each, double=False) for each in inputs])
        there = {path for path, _ in self.modules(network)}
        paths = {o: n for o, n in self._rename.items() if n in there and o not in there}
        if self._weights is not None:
            own: dict[str, Any] = {"rename": paths or None, "flatten": self._flatten or None}
            self.framework.load_weights(network, self._weights, **own)
        return network, paths

    def settle(self, network: Any, inputs: Sequence[Any]) -> None:
        """Create the variables of a network that has none before its first call."""
        del network, inputs

    def _flatten_of_file(self, paths: Mapping[str, str]) -> dict[str, Sequence[int]]:
        """What the file, which is loaded already, says of flattened images."""
        if self._weights is None:
            return {}
        file = read_metadata(self._weights)
        entries = file["config"]["modules"] if file["architecture"] == CUSTOM else []
        found = {each["path"]: each["config"].get("flattened") for each in entries}
        return {moved(path, paths): sizes for path, sizes in found.items() if sizes}

    def _native(self, array: np.ndarray, *, double: bool) -> Any:
        if array.dtype.kind == "f":
            array = array.astype(np.float64 if double else np.float32)
        moved = np.moveaxis(array, 1, -1) if self._moves(array.shape) else array
        return self.tensor(np.array(moved, order="C"))

    def _moves(self, shape: Sequence[int]) -> bool:
        """Whether an array of the shape is one of images, whose channels the framework has last."""
        return self.framework.channels_last and len(shape) > 3


def _back(path: str, paths: Mapping[str, str]) -> str:
    """The path in the file of one in the network."""
    for old, new in paths.items():
        if path == new or path.startswith(f"{new}."):
            return f"{old}{path[len(new) :]}"
    return path
