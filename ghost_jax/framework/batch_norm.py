"""Batch normalisation as Flax has it, but for the variance that it stores."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.framework.initializers import constant
from ghost_jax.framework.shifted import wide_type
from weights import ArgumentError
from weights.modules.convolutions import SINGLE_VALUE

ZEROS, ONES = constant(0), constant(1)
INITS = {"scale": ONES, "bias": ZEROS, "mean": ZEROS, "var": ONES}


class BatchNorm(nnx.BatchNorm):
    """`nnx.BatchNorm` that stores the unbiased variance, in `param_dtype`.

    Moments are computed in float32 at least, in two passes unless `use_fast_variance` asks for one.
    With `axis_name` they are those of all devices, each value of which counts the same.
    `options` are those of `nnx.BatchNorm`.
    """

    def __init__(
        self,
        channels: int,
        eps: float,
        momentum: float,
        *,
        mean_init: Any = ZEROS,
        var_init: Any = ONES,
        **options: Any,
    ) -> None:
        options = {"use_fast_variance": False, **options}
        super().__init__(channels, epsilon=eps, momentum=1 - momentum, **options)
        self.mean = nnx.BatchStat(mean_init(None, (channels,), self.param_dtype))
        self.var = nnx.BatchStat(var_init(None, (channels,), self.param_dtype))

    def __call__(
        self,
        x: jax.Array,
        use_running_average: bool | None = None,
        *,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """Shapes: x: (N, H, W, C), the same out.

        `mask` is true where a value counts in the moments; its shape broadcasts to that of `x`.
        """
        if use_running_average is None:
            use_running_average = self.use_running_average
        scale = None if self.scale is None else self.scale[...]
        bias = None if self.bias is None else self.bias[...]
        present = [each for each in (x, scale, bias) if each is not None]
        dtype = self.dtype or jnp.result_type(*present)
        x, mean, var, scale, bias = self.promote_dtype(
            (x, self.mean[...], self.var[...], scale, bias), dtype=wide_type(dtype)
        )
        if not use_running_average:
            mean, var = self._update(x, mask)
        factor = (1 if scale is None else scale) / jnp.sqrt(var + self.epsilon)
        out = (x - self._spread(mean, x)) * self._spread(factor, x)
        return (out if bias is None else out + self._spread(bias, x)).astype(dtype)

    def _update(self, x: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        count = self._count(x, mask)
        mean = self._sum(x, mask) / count
        if self.use_fast_variance:
            var = jnp.maximum(self._sum(jnp.square(x), mask) / count - jnp.square(mean), 0)
        else:
            var = self._sum(jnp.square(x - self._spread(mean, x)), mask) / count
        # A mask may leave a single value, whose variance, 0, is kept.
        unbiased = var * (count / (count - 1 if mask is None else jnp.maximum(count - 1, 1)))
        # An index asks a traced value where it lies, which takes longer the more was traced before.
        self.mean.set_value(self._moved(self.mean[...], mean))
        self.var.set_value(self._moved(self.var[...], unbiased))
        return mean, var

    def _count(self, x: jax.Array, mask: jax.Array | None) -> Any:
        """The number of values of each channel, on all devices."""
        if mask is not None:
            return self._sum(jnp.ones_like(x), mask)
        count = self._over_devices(x.size // x.shape[self.axis])
        if isinstance(count, int) and count == 1:
            raise ArgumentError(SINGLE_VALUE)
        return count

    def _sum(self, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        return self._over_devices(x.sum(self._axes(x), where=mask))

    def _over_devices(self, value: Any) -> Any:
        if self.axis_name is None:
            return value
        try:
            return jax.lax.psum(value, self.axis_name, axis_index_groups=self.axis_index_groups)
        except NameError:
            raise ArgumentError(
                f"training with `axis_name` = {self.axis_name!r} needs an axis of that name: call "
                f"the module inside jax.vmap(..., axis_name={self.axis_name!r}) or jax.shard_map"
            ) from None

    def _axes(self, x: jax.Array) -> tuple[int, ...]:
        """All axes but that of the channels."""
        return tuple(axis for axis in range(x.ndim) if axis not in (self.axis, self.axis + x.ndim))

    def _spread(self, vector: jax.Array, x: jax.Array) -> jax.Array:
        """A value for each channel, with as many axes as `x`."""
        return jnp.expand_dims(vector, self._axes(x))

    def _moved(self, running: jax.Array, batch: jax.Array) -> jax.Array:
        moved = running.astype(batch.dtype) * self.momentum + batch * (1 - self.momentum)
        return jax.lax.stop_gradient(moved).astype(running.dtype)
