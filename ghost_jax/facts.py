"""The layers inside a module as they are now: kinds and settings, beside the weights."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ghost_jax import layers
from weights import ArgumentError
from weights.arithmetic import rest_of
from weights.columns.actual import Facts

# The attributes that decide a layer's result; types, placement and axes of devices do not.
SETTINGS: dict[type, tuple[str, ...]] = {
    nnx.Conv: (
        "strides", "padding", "input_dilation", "kernel_dilation", "feature_group_count", "mask",
        "conv_general_dilated", "kernel", "bias",
    ),
    nnx.BatchNorm: ("epsilon", "momentum", "axis", "scale", "bias", "mean", "var"),
    nnx.Linear: ("dot_general", "kernel", "bias"),
    nnx.Dropout: ("rate", "broadcast_dims"),
    layers.Folded: (),
}  # fmt: skip
CONTAINERS = (nnx.List, list, tuple)
# Methods by which a kind of variable may change its value on the way to the layer.
ACCESS = ("get_value", "set_value", "__getitem__", "__setitem__")


def facts(module: Any) -> Facts:
    """Every layer inside `module` by its path: its kind, and all that its result depends on."""
    return dict(_walk("", module, {}))


def _walk(path: str, part: Any, seen: dict[int, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    kind: Any = type(part)
    own = kind.__module__.startswith(f"{__package__}.")
    settings = _attributes(kind)
    if settings is not None:
        yield path, {"kind": type(part).__name__, **_settings(path, part, settings, seen)}
    elif isinstance(part, CONTAINERS):
        for index, child in enumerate(part):
            yield from _walk(f"{path}.{index}", child, seen)
    elif isinstance(part, nnx.Module) and (own or not path):
        for name, child in vars(part).items():
            yield from _walk(f"{path}.{name}".removeprefix("."), child, seen)
    elif isinstance(part, nnx.Module):
        yield path, {"kind": type(part).__name__}
    elif callable(part):
        yield path, {"kind": _name(part)}


@lru_cache(maxsize=256)
def _attributes(kind: type) -> tuple[str, ...] | None:
    """The attributes of a kind of layer that decide its result; None where none is known."""
    return next((SETTINGS[each] for each in SETTINGS if issubclass(kind, each)), None)


def _settings(
    path: str, layer: Any, names: tuple[str, ...], seen: dict[int, str]
) -> dict[str, Any]:
    """The numbers of a layer, and which variables it has."""
    values = {name: getattr(layer, name) for name in names}
    settings = {name: _plain(f"{path}.{name}", value, seen) for name, value in values.items()}
    if isinstance(layer, nnx.BatchNorm):
        eps, momentum = settings.pop("epsilon"), settings.pop("momentum")
        settings |= {"eps": eps, "momentum": _rest_of(momentum)}
    return settings


def _plain(path: str, value: Any, seen: dict[int, str]) -> Any:
    if isinstance(value, nnx.Variable):
        first = seen.setdefault(id(value), path)
        return _given(value) if first == path else f"that of '{first}'"
    if isinstance(value, (jax.Array, np.ndarray, np.generic)) and not isinstance(
        value, jax.core.Tracer
    ):
        return value.item() if value.ndim == 0 else "an array"
    if isinstance(value, list):
        return tuple(value)
    return _name(value) if callable(value) else value


def concrete(variable: nnx.Variable[Any]) -> Any:
    """The value of a variable; raises `ArgumentError` for one that JAX traces."""
    value = variable.get_value()
    if isinstance(value, jax.core.Tracer):
        raise ArgumentError(
            "`module` must hold values, got one inside jit, grad or another transformation of JAX: "
            "let its weights in or out outside of that"
        )
    return value


def _given(variable: nnx.Variable[Any]) -> str:
    """How the layer comes to its numbers: "given" where they are the variable's own."""
    if _is_made(type(variable)):
        return f"made by {type(variable).__name__}"
    if variable.has_metadata("on_get_value") or variable.has_metadata("on_set_value"):
        return "made by a hook"
    value = concrete(variable)
    if not isinstance(value, (jax.Array, np.ndarray, jax.ShapeDtypeStruct)):
        return type(value).__name__
    is_float = jnp.issubdtype(value.dtype, jnp.floating)
    return f"given in shape {value.shape}" if is_float else f"given in {value.dtype}"


@lru_cache(maxsize=256)
def _is_made(kind: type) -> bool:
    """Whether a kind of variable may change its value on the way to the layer."""
    return any(getattr(kind, name) is not getattr(nnx.Variable, name) for name in ACCESS)


def _rest_of(momentum: Any) -> Any:
    """The rest of a momentum; what is no number stays."""
    return rest_of(momentum) if isinstance(momentum, (int, float)) else momentum


def _name(function: Any) -> str:
    """The name of a function, with its module where that is neither JAX's nor this package's."""
    home, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not name:
        return repr(function)
    return name if home.partition(".")[0] in (__package__, "jax") else f"{home}.{name}"
