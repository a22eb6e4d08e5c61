"""Arguments of Flax layers beside their configuration: types, random numbers, axes."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax.framework.prototypes import AbstractRngs
from weights import ArgumentError, checks


class FlaxOptions(TypedDict, total=False):
    """Flax's own keywords of a layer: types, the axes that share statistics, random numbers."""

    dtype: DTypeLike | None
    param_dtype: DTypeLike
    axis_name: str | None
    axis_index_groups: Sequence[Sequence[int]] | None
    rngs: Required[nnx.Rngs]


# Those of the layers inside, once they are checked.
LayerOptions = FlaxOptions


def check_dtype(name: str, dtype: Any) -> None:
    """Raise `ArgumentError` for a type that JAX lacks, or would replace by a narrower one."""
    try:
        wanted = jnp.dtype(dtype)
    except TypeError:
        raise ArgumentError(f"`{name}` must be a type such as jnp.float32, got {dtype!r}") from None
    checks.floating(f"`{name}`", wanted.name)
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        raise ArgumentError(
            f"`{name}` must be enabled in JAX, got {wanted.name}: set the environment "
            "variable JAX_ENABLE_X64=1, or call jax.config.update('jax_enable_x64', True) first"
        )


def checked_options(
    plan: Any, dtype: Any, param_dtype: Any, rngs: Any, axis_name: Any, axis_index_groups: Any
) -> dict[str, Any]:
    """The arguments of a layer beside its plan, by keyword; raises `ArgumentError`."""
    check_dtype("param_dtype", param_dtype)
    check_dtype("dtype", dtype or param_dtype)
    if not isinstance(rngs, AbstractRngs):
        _check_rngs(rngs, getattr(plan, "dropout", 0))
    if axis_index_groups is not None and axis_name is None:
        raise ArgumentError("`axis_index_groups` must come with `axis_name`, got None for that")
    types = {"dtype": dtype, "param_dtype": param_dtype}
    axes = {"axis_name": axis_name, "axis_index_groups": axis_index_groups}
    return {**types, **axes, "rngs": rngs}


def without_axes(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a layer that takes no statistics: all but the axes of devices."""
    return {name: value for name, value in options.items() if not name.startswith("axis_")}


def _check_rngs(rngs: Any, dropout: float) -> None:
    if not isinstance(rngs, nnx.Rngs):
        raise ArgumentError(
            f"`rngs` must be nnx.Rngs, got {type(rngs).__name__}: pass nnx.Rngs(0), for example"
        )
    for stream in ("params", "dropout") if dropout else ("params",):
        if stream not in rngs and "default" not in rngs:
            got = ", ".join(rngs) or "none"
            raise ArgumentError(
                f"`rngs` must have a stream named {stream} or default, got {got}: pass "
                "nnx.Rngs(0) or nnx.Rngs(params=0, dropout=1), for example"
            )
