"""A built module as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from weights.columns.column import Column
from weights.columns.replicas import Engine, Given, ReplicaRun
from weights.errors import UnsupportedError
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.tensors import TensorSpec

# Runs inputs of one shape and type.
Run = Callable[[Any], Any]
# Takes a module and an input, returns the function that runs inputs of that shape and type.
Prepare = Callable[[Any, Any], Run]
# Takes an architecture, a configuration and weights.
Build = Callable[[str, Mapping[str, Any], Mapping[str, Any]], Any]
# By which the conformance suite judges the modes of that name, which do not compute in float32.
PRECISIONS: Mapping[str, Mapping[str, float]] = {
    "float64": {"unit_roundoff": 2.0**-53},
    "bfloat16": {"unit_roundoff": 2.0**-8},
    "float16": {"unit_roundoff": 2.0**-11, "largest": 65504.0},
}


class ModuleAdapter(ABC):
    """One built module of a framework; inference unless a training step is asked for."""

    framework: ClassVar[Column[Any, Any, Any]]

    def __init__(self, module: Any, dtype: Any, engine: Engine | None = None) -> None:
        self.module = module
        self.dtype = dtype
        self.engine = engine

    @classmethod
    def build(
        cls, architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any], **own: Any
    ) -> Self:
        """The module of that architecture and configuration, with these weights and their dtype."""
        module = cls.framework.build(architecture, config, weights)
        cls.framework.note_new(module)
        return cls(module, common_dtype(weights), **own)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W') or (N, classes)."""
        return self._to_numpy(self._forward(self._input(x)))

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage of a network, or the output of a layer."""
        if not hasattr(self.module, "stages"):
            return {"output": self(x)}
        stages = self._stages(self._input(x))
        return {name: self._to_numpy(value) for name, value in stages.items()}

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        """Output with batch statistics, gradients for a cotangent, statistics afterwards."""
        specs = self.framework.specs_of(self.module)
        trainable = [spec for spec in specs if spec.trainable]
        inputs, cotangent = self._input(x), self._input(output_cotangent)
        output, grad_input, grads = self._differentiate(inputs, cotangent, trainable)
        state, pairs = self.state(), zip(trainable, grads, strict=True)
        return {
            "output": self._to_numpy(output),
            "grad_input": self._to_numpy(grad_input),
            "grads": {spec.name: self.framework.to_canonical(grad, spec) for spec, grad in pairs},
            "state": {spec.name: state[spec.name] for spec in specs if not spec.trainable},
        }

    def train_on_replicas(
        self, steps: Sequence[Any], shares: Sequence[int], rate: float, statistics: str
    ) -> list[dict[str, Any]]:
        """What each of these steps gave on replicas with so many images each."""
        if self.engine is None:
            raise UnsupportedError("it trains on one device only")
        given = Given(self.module.architecture, self.module.config, self.state())
        run = ReplicaRun(tuple(map(tuple, steps)), tuple(shares), rate, statistics)
        return self.engine(given, run)

    def state(self) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return self.framework.state(self.module)

    def replace_weights(self, weights: Mapping[str, Any]) -> None:
        """Give the module other weights of the same types, which takes less than to build one."""
        self.framework.set_state(self.module, weights)

    def save(self, path: PathLike) -> None:
        """Write the interchange file."""
        self.framework.save_weights(self.module, path)

    def load(self, path: PathLike) -> None:
        """Load an interchange file into the module."""
        self.framework.load_weights(self.module, path, allow_invalid=True)

    @abstractmethod
    def _input(self, x: np.ndarray) -> Any:
        """An NCHW array as the framework's, in the module's type."""

    @abstractmethod
    def _to_numpy(self, x: Any) -> np.ndarray:
        """The framework's array as an NCHW array."""

    @abstractmethod
    def _forward(self, x: Any) -> Any:
        """The output in inference."""

    @abstractmethod
    def _stages(self, x: Any) -> dict[str, Any]:
        """The output of every stage of a network, in inference."""

    @abstractmethod
    def _differentiate(
        self, x: Any, cotangent: Any, specs: Sequence[TensorSpec]
    ) -> tuple[Any, Any, list[Any]]:
        """The output in training, and the gradients of the input and of these tensors."""


def widened(weights: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The weights in float64."""
    return {name: array.astype(np.float64) for name, array in weights.items()}


class PreparedAdapter(ModuleAdapter):
    """One built module that runs in another way, prepared for each shape and type of input."""

    def __init__(self, module: Any, dtype: Any, prepare: Prepare) -> None:
        super().__init__(module, dtype)
        self.prepare = prepare
        self._ready: dict[Any, Run] = {}

    @classmethod
    def prepared(cls, prepare: Prepare) -> Build:
        """The mode whose modules run as `prepare` makes them: a decorator of that."""

        def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
            return cls.build(architecture, config, weights, prepare=prepare)

        build.__doc__ = prepare.__doc__
        return build

    def load(self, path: PathLike) -> None:
        """Load an interchange file into the module."""
        self._ready.clear()
        super().load(path)

    def _forward(self, x: Any) -> Any:
        key = (tuple(x.shape), x.dtype)
        if key not in self._ready:
            self._ready[key] = self.prepare(self.module, x)
        return self._ready[key](x)

    # It can do inference alone.
    taps = None  # type: ignore[assignment]
    train_step = None  # type: ignore[assignment]
    train_on_replicas = None  # type: ignore[assignment]
