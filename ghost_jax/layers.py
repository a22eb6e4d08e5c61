"""The framework's own layers, as this project uses them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from weights import ArgumentError, arithmetic
from weights.arithmetic import Pair


# Functions of our own: a module that held JAX's compiled ones could not be pickled.
def relu(x: jax.Array) -> jax.Array:
    """max(x, 0)."""
    return jax.nn.relu(x)


def relu6(x: jax.Array) -> jax.Array:
    """min(max(x, 0), 6)."""
    return jax.nn.relu6(x)


def silu(x: jax.Array) -> jax.Array:
    """x / (1 + exp(-x))."""
    return jax.nn.silu(x)


def hard_swish(x: jax.Array) -> jax.Array:
    """x relu6(x + 3) / 6 (Howard et al., ICCV 2019, section 5.2)."""
    return jax.nn.hard_swish(x)


def identity(x: jax.Array) -> jax.Array:
    """x."""
    return x


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": relu,
    "relu6": relu6,
    "silu": silu,
    "hard_swish": hard_swish,
    "identity": identity,
}


class BatchNorm(nnx.BatchNorm):
    """`nnx.BatchNorm` that stores the unbiased variance, in `param_dtype`.

    Moments are computed in float32 at least, in two passes.
    """

    def __init__(self, channels: int, eps: float, momentum: float, **options: Any) -> None:
        super().__init__(channels, epsilon=eps, momentum=1 - momentum, **options)
        self.mean = nnx.BatchStat(jnp.zeros(channels, self.param_dtype))
        self.var = nnx.BatchStat(jnp.ones(channels, self.param_dtype))

    def __call__(self, x: jax.Array, use_running_average: bool | None = None) -> jax.Array:
        """Shapes: x: (N, H, W, C), the same out."""
        if use_running_average is None:
            use_running_average = self.use_running_average
        dtype = self.dtype or jnp.result_type(x, self.scale[...])
        wide = jnp.promote_types(dtype, jnp.float32)
        x = x.astype(wide)
        mean, var = self.mean[...].astype(wide), self.var[...].astype(wide)
        if not use_running_average:
            mean, var = self._update(x)
        scale = self.scale[...].astype(wide) / jnp.sqrt(var + self.epsilon)
        return ((x - mean) * scale + self.bias[...].astype(wide)).astype(dtype)

    def _update(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        count = x.size // x.shape[-1]
        mean = x.mean(axis=(0, 1, 2))
        var = jnp.square(x - mean).mean(axis=(0, 1, 2))
        unbiased = var * (count / (count - 1))
        self.mean[...] = self._moved(self.mean[...], mean)
        self.var[...] = self._moved(self.var[...], unbiased)
        return mean, var

    def _moved(self, running: jax.Array, batch: jax.Array) -> jax.Array:
        moved = running * self.momentum + batch * (1 - self.momentum)
        return jax.lax.stop_gradient(moved).astype(self.param_dtype)


def convolution(
    c_in: int,
    c_out: int,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    **options: Any,
) -> nnx.Conv:
    """A convolution without bias, with symmetric explicit padding."""
    shape = arithmetic.kernel_shape(c_in, c_out, kernel_size, groups)
    return nnx.Conv(
        c_in,
        c_out,
        kernel_size,
        stride,
        padding=tuple((size, size) for size in padding),
        kernel_dilation=dilation,
        feature_group_count=groups,
        use_bias=False,
        kernel_init=_uniform(prod(shape[1:])),
        **options,
    )


def depthwise_convolution(
    channels: int, multiplier: int, kernel_size: int, padding: int, **options: Any
) -> nnx.Conv:
    """A convolution in which channel c alone makes outputs c*multiplier ... (c+1)*multiplier-1."""
    return nnx.Conv(
        channels,
        channels * multiplier,
        (kernel_size, kernel_size),
        padding=((padding, padding), (padding, padding)),
        feature_group_count=channels,
        use_bias=False,
        kernel_init=_uniform(kernel_size * kernel_size),
        **options,
    )


def batch_norm(channels: int, eps: float, momentum: float, **options: Any) -> BatchNorm:
    """Batch normalisation that stores the unbiased variance."""
    return BatchNorm(channels, eps, momentum, **options)


def linear(features: int, classes: int, **options: Any) -> nnx.Linear:
    """A linear layer with bias."""
    init = _uniform(features)
    return nnx.Linear(features, classes, kernel_init=init, bias_init=init, **options)


def activation(name: str) -> Callable[[jax.Array], jax.Array]:
    """The activation of that name."""
    return ACTIVATIONS[name]


def in_training(norm: BatchNorm, training: Any = None) -> bool:
    """Whether the normalisation will use the statistics of the batch."""
    return not norm.use_running_average


def canonical_shape(x: jax.Array) -> tuple[Any, ...]:
    """Shape of the input as (N, C, H, W)."""
    if x.ndim != 4:
        return x.shape
    batch, height, width, channels = x.shape
    return batch, channels, height, width


def dtype_name(x: jax.Array) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return x.dtype.name


def check_dtype(name: str, dtype: Any) -> None:
    """Raise `ArgumentError` for a type that JAX would silently replace by a narrower one."""
    wanted = jnp.dtype(dtype)
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        raise ArgumentError(
            f"`{name}` must be enabled in JAX, got {wanted.name}: set the environment "
            "variable JAX_ENABLE_X64=1, or call jax.config.update('jax_enable_x64', True) first"
        )


def _uniform(fan_in: int) -> Callable[..., jax.Array]:
    bound = arithmetic.uniform_bound(fan_in)

    def init(key: jax.Array, shape: Any, dtype: Any, out_sharding: Any = None) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init
