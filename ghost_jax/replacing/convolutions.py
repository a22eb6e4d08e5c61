"""Convolutions of a model: whether one can become a GhostConv, and with which arguments."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.weights_io import ARCHITECTURES
from weights.replacing import reasons

GHOSTS = tuple(ARCHITECTURES.values())


def is_convolution(module: Any) -> bool:
    """Whether the module is a convolution of any kind."""
    return isinstance(module, (nnx.Conv, nnx.ConvTranspose))


def obstacle(conv: Any) -> str:
    """Why the convolution cannot be replaced, whatever the rules; empty where it can."""
    if isinstance(conv, nnx.ConvTranspose):
        return reasons.TRANSPOSED
    if len(conv.kernel_size) != 2:
        return reasons.OTHER_RANK.format(len(conv.kernel_size))
    if type(conv) is not nnx.Conv:
        return reasons.OWN_CLASS.format(type(conv).__name__)
    mode = str(conv.padding).lower()
    if mode in ("circular", "reflect", "causal"):
        return reasons.PADDING_MODE.format(mode)
    return _obstacle_of_function(conv) or _obstacle_of_kernel(conv)


def arguments(conv: nnx.Conv) -> dict[str, Any]:
    """The arguments of GhostConv, padding as the framework has it."""
    padding = conv.padding
    return {
        "c_in": conv.in_features,
        "c_out": conv.out_features,
        "kernel_size": conv.kernel_size,
        "stride": _pair(conv.strides),
        "padding": padding.lower().removesuffix("_lower") if isinstance(padding, str) else padding,
        "dilation": _pair(conv.kernel_dilation),
        "groups": conv.feature_group_count,
    }


def notes(conv: nnx.Conv) -> tuple[str, ...]:
    """The properties of the convolution that its GhostConv will not have."""
    named = ("precision", "preferred_element_type")
    dropped = tuple(reasons.DROPPED.format(name) for name in named if getattr(conv, name, None))
    return (*dropped, reasons.BIAS) if conv.bias is not None else dropped


def _obstacle_of_function(conv: nnx.Conv) -> str:
    if conv.mask is not None:
        return "its kernel is masked"
    if _pair(conv.input_dilation) != (1, 1):
        return "it dilates its input, as a transposed convolution does"
    if conv.conv_general_dilated is not jax.lax.conv_general_dilated:
        return "it convolves by a function of its own"
    return ""


def _obstacle_of_kernel(conv: nnx.Conv) -> str:
    kernel = conv.kernel.get_value()
    if not jnp.issubdtype(kernel.dtype, jnp.floating):
        return reasons.NOT_FLOATING.format(kernel.dtype)
    if isinstance(kernel, jax.ShapeDtypeStruct):
        return "it is abstract: its kernel has a shape and no values"
    return "" if kernel.ndim == 4 else f"its kernel has {kernel.ndim} axes: made under a vmap"


def _pair(value: Any) -> tuple[int, int]:
    if value is None or isinstance(value, int):
        return (value or 1, value or 1)
    return tuple(value)
