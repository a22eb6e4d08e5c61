"""Modules without values: built at no cost, given the place of another, filled afterwards."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import jax
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec

from ghost_jax.framework.prototypes import AbstractRngs

# Attributes that a user sets and no configuration holds: types, devices, modes.
CHOSEN = (
    "dtype", "precision", "preferred_element_type", "promote_dtype", "axis_name",
    "axis_index_groups", "use_fast_variance", "native_convolutions", "use_running_average",
    "deterministic", "remat",
)  # fmt: skip


def abstract(kind: Callable[..., Any], config: Mapping[str, Any], dtype: Any) -> Any:
    """A module without values; no random number is drawn, nothing is compiled."""
    return nnx.merge(*_split(kind, json.dumps(config), dtype), copy=True)


@lru_cache(maxsize=64)
def _split(kind: Callable[..., Any], config: str, dtype: Any) -> tuple[Any, ...]:
    arguments = json.loads(config)
    return nnx.split(kind(**arguments, param_dtype=dtype, rngs=AbstractRngs()))


def seed_dropout(module: nnx.Module, rngs: nnx.Rngs) -> None:
    """Give the dropout of a network that was built abstractly random numbers of its own."""
    for each in vars(module).values():
        if isinstance(each, nnx.Dropout):
            each.rngs = nnx.Dropout(each.rate, rngs=rngs).rngs


def settle(made: nnx.Module, module: nnx.Module) -> None:
    """Give an abstract module the devices, types, modes and random numbers of `module`.

    A layer that `module` lacks takes those of its first layer of that kind, or of its first layer.
    """
    earlier = {path: each for path, each in nnx.iter_modules(module) if _layer(each)}
    for path, each in nnx.iter_modules(made):
        if path == ():
            _choose_as(each, module)
        elif _layer(each):
            like = earlier.get(path) or _first(earlier.values(), type(each))
            _choose_as(each, like)
            _place_as(each, like)


def _layer(module: Any) -> bool:
    """Whether the module is a layer: it has a mode or variables of its own."""
    return any(hasattr(module, name) for name in CHOSEN) or bool(dict(_variables(module)))


def _first(layers: Any, kind: type) -> Any:
    layers = list(layers)
    of_the_kind = (each for each in layers if isinstance(each, kind))
    return next(of_the_kind, None) or next(each for each in layers if dict(_variables(each)))


def _choose_as(made: Any, module: Any) -> None:
    for name in CHOSEN:
        if hasattr(made, name) and hasattr(module, name):
            setattr(made, name, getattr(module, name))
    if isinstance(made, nnx.Dropout) and isinstance(module, nnx.Dropout):
        made.rngs = nnx.data(None if module.rngs is None else nnx.clone(module.rngs))


def _place_as(made: Any, module: Any) -> None:
    earlier = dict(_variables(module))
    for name, variable in _variables(made):
        like = earlier.get(name)
        sharding = _sharding(like, variable.shape, next(iter(earlier.values()), None))
        value = jax.ShapeDtypeStruct(variable.shape, variable.dtype, sharding=sharding)
        setattr(made, name, variable.copy(value) if like is None else like.copy(value))


def _variables(module: Any) -> Iterator[tuple[str, nnx.Variable[Any]]]:
    values = vars(module).items()
    return ((name, value) for name, value in values if isinstance(value, nnx.Variable))


def _sharding(like: nnx.Variable[Any] | None, shape: tuple[int, ...], other: Any) -> Any:
    """The sharding of a new variable: that of the earlier one, replicated if shapes differ."""
    place = getattr(getattr(like or other, "get_value", dict)(), "sharding", None)
    if not isinstance(place, NamedSharding):
        return place
    if like is not None and like.shape == shape:
        return place
    return NamedSharding(place.mesh, PartitionSpec(), memory_kind=place.memory_kind)
