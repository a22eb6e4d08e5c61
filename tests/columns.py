"""The three packages behind one interface; every layer is made and run as its framework does it.

Arrays are NCHW on both sides; a framework is imported when its column is used first.
"""

from __future__ import annotations

import importlib
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

from weights import configure
from weights.tensors import RUNNING_VAR


class Column:
    """One package: how its layers are made, fed and run."""

    def __init__(self, name: str, framework: str) -> None:
        self.name = name
        self.framework = framework

    def __str__(self) -> str:
        return self.name

    @cached_property
    def package(self) -> Any:
        """The package; the test is skipped where its framework is not installed."""
        pytest.importorskip(self.framework)
        return importlib.import_module(self.name)

    def make(self, kind: str, *arguments: Any, seed: int = 0, **options: Any) -> Any:
        """A fresh layer or network, such as `GhostConv` or `yolo.GhostConv`, from a seed."""
        del seed
        return attrgetter(kind)(self.package)(*arguments, **options)

    def load(self, architecture: str, tensors: dict[str, np.ndarray], **config: Any) -> Any:
        """A layer or network with these tensors: in JAX much faster than drawing fresh ones."""
        return self.package.weights_io.build(architecture, config, tensors)

    def native(self, x: np.ndarray) -> Any:
        """An NCHW array as the framework takes it."""
        raise NotImplementedError

    def array(self, y: Any) -> np.ndarray:
        """The reverse: what a module returned, as an NCHW array."""
        raise NotImplementedError

    def run(self, module: Any, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """The output for an NCHW input, with the module put into that mode first."""
        raise NotImplementedError

    def run_all(self, modules: list[Any], x: np.ndarray) -> list[np.ndarray]:
        """The outputs of many modules in inference for the same input."""
        return [self.run(module, x) for module in modules]


class TorchColumn(Column):
    """`ghost_torch`, in eager mode."""

    def make(self, kind: str, *arguments: Any, seed: int = 0, **options: Any) -> Any:
        kind_of_module = attrgetter(kind)(self.package)
        importlib.import_module("torch").manual_seed(seed)
        return kind_of_module(*arguments, **options)

    def native(self, x: np.ndarray) -> Any:
        return importlib.import_module("torch").from_numpy(np.array(x))

    def array(self, y: Any) -> np.ndarray:
        return y.detach().numpy()

    def run(self, module: Any, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        return self.array(module.train(training)(self.native(x)))


class JaxColumn(Column):
    """`ghost_jax`, always under jit."""

    @cached_property
    def _call(self) -> Any:
        return importlib.import_module("flax.nnx").jit(lambda module, x: module(x))

    def make(self, kind: str, *arguments: Any, seed: int = 0, **options: Any) -> Any:
        kind_of_module = attrgetter(kind)(self.package)
        rngs = importlib.import_module("flax.nnx").Rngs(seed)
        return kind_of_module(*arguments, **options, rngs=rngs)

    def native(self, x: np.ndarray) -> Any:
        return importlib.import_module("jax.numpy").asarray(_channels_last(x))

    def array(self, y: Any) -> np.ndarray:
        return _channels_first(np.asarray(y))

    def run(self, module: Any, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        module.train() if training else module.eval()
        return self.array(self._call(module, self.native(x)))

    def run_all(self, modules: list[Any], x: np.ndarray) -> list[np.ndarray]:
        jax, nnx = importlib.import_module("jax"), importlib.import_module("flax.nnx")
        for module in modules:
            module.eval()
        graph, state = nnx.split(nnx.List(modules))
        # Compiling together and without optimisation takes a third of the time.
        outputs = jax.jit(
            lambda state, x: [module(x) for module in nnx.merge(graph, state)],
            compiler_options={"xla_backend_optimization_level": 0},
        )(state, self.native(x))
        return [self.array(y) for y in outputs]


class KerasColumn(Column):
    """`ghost_tf`, in eager mode, channels last."""

    def make(self, kind: str, *arguments: Any, seed: int = 0, **options: Any) -> Any:
        kind_of_module = attrgetter(kind)(self.package)
        importlib.import_module("keras").utils.set_random_seed(seed)
        return kind_of_module(*arguments, **options)

    def native(self, x: np.ndarray) -> Any:
        return importlib.import_module("tensorflow").constant(_channels_last(x))

    def array(self, y: Any) -> np.ndarray:
        return _channels_first(y.numpy())

    def run(self, module: Any, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        return self.array(module(self.native(x), training=training))


COLUMNS = (
    TorchColumn("ghost_torch", "torch"),
    JaxColumn("ghost_jax", "flax"),
    KerasColumn("ghost_tf", "keras"),
)
in_every_column = pytest.mark.parametrize("column", COLUMNS, ids=str)


def with_ids(table: list[tuple[Any, ...]]) -> list[Any]:
    """The rows of a table as test cases, named by their first column."""
    return [pytest.param(*row, id=name) for name, *row in table]


@cache
def small_network(column: Column) -> Any:
    """One network of a column, for tests that change nothing."""
    return column.load("ghost_resnet20", tensors_of("ghost_resnet20"))


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """A float32 array from the standard normal distribution."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def tensors_of(architecture: str, *, seed: int = 0, **config: Any) -> dict[str, np.ndarray]:
    """Random float32 tensors of a layer or network, variances positive."""
    generator = np.random.default_rng(seed)
    specs = configure(architecture, config).tensors()
    drawn = {spec: generator.normal(size=spec.shape) for spec in specs}
    return {
        spec.name: (np.exp(array) if spec.kind == RUNNING_VAR else array).astype(np.float32)
        for spec, array in drawn.items()
    }


def assert_same_state(state: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """The same tensors, bit by bit."""
    assert state.keys() == wanted.keys()
    changed = [name for name in wanted if state[name].tobytes() != wanted[name].tobytes()]
    assert changed == []


def _channels_last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def _channels_first(y: np.ndarray) -> np.ndarray:
    return y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
