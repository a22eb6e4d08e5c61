"""The framework's own layers, as this project uses them."""

from collections.abc import Callable, Iterable
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ghost_jax.framework.activations import (
    LeakyReLU,
    hard_swish,
    identity,
    relu,
    relu6,
    silu,
)
from ghost_jax.framework.batch_norm import INITS, BatchNorm
from ghost_jax.framework.flax_layers import Convolution, DepthwiseConvolution, PointwiseConvolution
from ghost_jax.framework.initializers import uniform
from ghost_jax.framework.options import LayerOptions, without_axes
from ghost_jax.framework.prototypes import from_prototype
from weights import ArgumentError, arithmetic
from weights.modules.arguments import leaky_slope
from weights.modules.convolutions import ConvolutionPlan
from weights.modules.forms import check_form

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": relu,
    "relu6": relu6,
    "silu": silu,
    "hard_swish": hard_swish,
    "identity": identity,
}


def convolution(plan: ConvolutionPlan, **options: Unpack[LayerOptions]) -> nnx.Conv:
    """A convolution with symmetric explicit padding."""
    init = uniform(arithmetic.uniform_bound(plan.fan_in))
    kind = DepthwiseConvolution if plan.depthwise else Convolution
    kind = PointwiseConvolution if plan.pointwise else kind
    return from_prototype(
        kind,
        {"kernel": init, "bias": init},
        plan.c_in,
        plan.c_out,
        plan.kernel_size,
        plan.stride,
        padding=tuple((size, size) for size in plan.padding),
        kernel_dilation=plan.dilation,
        feature_group_count=plan.groups,
        use_bias=plan.bias,
        **without_axes(options),
    )


def batch_norm(
    channels: int, eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> BatchNorm:
    """Batch normalisation that stores the unbiased variance."""
    own = without_axes(options)
    norm: BatchNorm = from_prototype(BatchNorm, INITS, channels, eps, momentum, **own)
    if options.get("axis_name") is not None:
        # Set afterwards, since groups are lists, by which no prototype is found.
        norm.axis_name, norm.axis_index_groups = options["axis_name"], options["axis_index_groups"]
    return norm


class Folded(nnx.Module):
    """The place of a batch normalisation that is folded into the convolution before it."""

    use_running_average = False  # as in a new batch normalisation; eval() sets it

    def __call__(self, x: jax.Array) -> jax.Array:
        """`x`."""
        return x


def norm_after(
    plan: ConvolutionPlan, eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> Any:
    """The batch normalisation after a convolution, or `Folded` where none follows."""
    return batch_norm(plan.c_out, eps, momentum, **options) if plan.norm else Folded()


def linear(features: int, classes: int, **options: Unpack[LayerOptions]) -> nnx.Linear:
    """A linear layer with bias."""
    init = uniform(arithmetic.uniform_bound(features))
    inits, own = {"kernel": init, "bias": init}, without_axes(options)
    made: nnx.Linear = from_prototype(nnx.Linear, inits, features, classes, **own)
    return made


def dropout(rate: float, *, rngs: Any, **options: Any) -> nnx.Dropout:
    """Dropout of that rate."""
    drawn = isinstance(rngs, nnx.Rngs) and ("dropout" in rngs or "default" in rngs)
    return nnx.Dropout(rate, rngs=rngs if drawn else None)


def activation(name: str) -> Callable[[jax.Array], jax.Array]:
    """The activation of that name."""
    slope = leaky_slope(name)
    return LeakyReLU(slope) if slope else ACTIVATIONS[name]


def hard_sigmoid(x: jax.Array) -> jax.Array:
    """relu6(x + 3) / 6."""
    return jax.nn.hard_sigmoid(x)


def sigmoid(x: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x))."""
    return jax.nn.sigmoid(x)


def global_avg_pool(x: jax.Array) -> jax.Array:
    """The mean over height and width, which stay as axes of one position."""
    return x.mean(axis=(1, 2), keepdims=True)


def avg_pool_2x2(x: jax.Array) -> jax.Array:
    """The means over 2x2; an odd last row or column is left out."""
    # Flax's avg_pool divides by an integer of NumPy's, which a strict JAX does not promote.
    return nnx.pool(x, 0.0, jax.lax.add, (2, 2), (2, 2), "VALID") / 4


def max_pool_2x2(x: jax.Array) -> jax.Array:
    """The maxima over 2x2; an odd last row or column is left out."""
    return nnx.max_pool(x, window_shape=(2, 2), strides=(2, 2))


def resize_like(x: jax.Array, other: jax.Array) -> jax.Array:
    """The nearest position, by the rule (i * in) // out, at height and width of `other`."""
    for axis in (1, 2):
        size, wanted = x.shape[axis], other.shape[axis]
        index = np.arange(wanted) if isinstance(size * wanted, int) else jnp.arange(wanted)
        index = arithmetic.nearest_source(index, size, wanted)
        x = jnp.take(x, index, axis=axis, mode="clip")
    return x


def rematerialised(block: nnx.Module, x: jax.Array) -> jax.Array:
    """`block(x)`, of which nothing is remembered for the backward pass: it computes it again.

    The second time the running statistics stay as they are: they have moved already.
    """
    return nnx.remat(type(block).__call__)(block, x)


def module_list(modules: Iterable[nnx.Module]) -> nnx.List[Any]:
    """Modules in an order, under their indices."""
    return nnx.List(modules)


def conv_norms(
    plans: Iterable[ConvolutionPlan], eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> Any:
    """Convolutions in turn, each with its batch normalisation."""
    layers: list[Any] = []
    for plan in plans:
        layers.append(convolution(plan, **options))
        layers.append(norm_after(plan, eps, momentum, **options))
    return module_list(layers)


def in_training(norm: BatchNorm | Folded | None, training: bool | None = None) -> bool:
    """Whether the normalisation will use the statistics of the batch on this device."""
    alone = getattr(norm, "axis_name", None) is None
    return norm is not None and alone and not norm.use_running_average


def check_input(module: Any, x: jax.Array) -> None:
    """Raise `ArgumentError` for an input that the module cannot take."""
    if not isinstance(x, (jax.Array, np.ndarray)):
        raise ArgumentError(
            f"the input must be an array of JAX or NumPy, got {type(x).__name__}: use jnp.asarray"
        )
    norm = module.first_norm
    if norm is not None:
        # Also where statistics are those of all devices, of which the sizes here tell nothing.
        check_form(module.plan.form, training=not norm.use_running_average)
    module.plan.check_input(_canonical_shape(x), dtype_name(x), training=in_training(norm))


def dtype_name(x: jax.Array) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return x.dtype.name


def _canonical_shape(x: jax.Array) -> tuple[Any, ...]:
    """Shape of the input as (N, C, H, W)."""
    # A size that is a symbol, as `jax.export` has them, is not known.
    shape = tuple(size if isinstance(size, int) else None for size in x.shape)
    if x.ndim != 4:
        return shape
    batch, height, width, channels = shape
    return batch, channels, height, width
