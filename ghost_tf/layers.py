"""The framework's own layers, as this project uses them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Unpack

import keras
from keras import ops

from ghost_tf.framework.batch_norm import BatchNorm
from ghost_tf.framework.data_format import channel_axis, native_shape, spatial_axes
from ghost_tf.framework.keras_layers import Convolution, DepthwiseConvolution, uniform
from ghost_tf.framework.options import KerasOptions, LayerOptions, drawn_apart
from ghost_tf.framework.synchronised import replicas
from weights import arithmetic
from weights.modules.arguments import LEAKY_RELU, leaky_slope
from weights.modules.convolutions import ConvolutionPlan


def _identity(x: Any) -> Any:
    return x


@dataclass(frozen=True)
class LeakyReLU:
    """max(x, slope x), for slopes up to 1."""

    slope: float

    @property
    def __name__(self) -> str:
        return f"{LEAKY_RELU}{self.slope}"

    def __call__(self, x: Any) -> Any:
        """The activation of x."""
        return ops.where(x > 0, x, self.slope * x)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "silu": ops.silu,
    "hard_swish": ops.hard_silu,
    "identity": _identity,
}


def convolution(plan: ConvolutionPlan, **options: Unpack[LayerOptions]) -> Convolution:
    """A convolution with symmetric explicit padding."""
    kind = DepthwiseConvolution if plan.depthwise else Convolution
    return kind(plan, **options)


def batch_norm(
    channels: int, eps: float, momentum: float, *, data_format: str, **options: Unpack[KerasOptions]
) -> BatchNorm:
    """Batch normalisation that stores the unbiased variance."""
    norm = BatchNorm(channel_axis(data_format), 1 - momentum, eps, dtype=options["dtype"])
    norm.takes = native_shape((None, channels, None, None), data_format)
    return norm


@keras.saving.register_keras_serializable("ghost_tf")
class Folded(keras.layers.Layer):
    """The place of a batch normalisation that is folded into the convolution before it."""

    def get_config(self) -> dict[str, Any]:
        """Its own arguments (name, dtype policy, ...), for saving."""
        return dict(super().get_config())

    def call(self, x: Any, training: bool | None = None) -> Any:
        """`x`."""
        return x

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same."""
        return input_shape


def norm_after(
    plan: ConvolutionPlan, eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> Any:
    """The batch normalisation after a convolution, or `Folded` where none follows."""
    if plan.norm:
        return batch_norm(plan.c_out, eps, momentum, **options)
    return Folded(dtype=options["dtype"])


def linear(features: int, classes: int, *, data_format: str, **options: Any) -> keras.layers.Dense:
    """A linear layer with bias."""
    drawn = {name: uniform(features) for name in ("kernel_initializer", "bias_initializer")}
    chosen = {name: drawn_apart(options[name]) for name in drawn if name in options}
    dense = keras.layers.Dense(classes, **{**drawn, **options, **chosen})
    dense.takes = (None, features)
    return dense


def dropout(
    rate: float, *, data_format: str, **options: Unpack[KerasOptions]
) -> keras.layers.Dropout:
    """Dropout of that rate."""
    return keras.layers.Dropout(rate, dtype=options["dtype"])


def activation(name: str) -> Callable[[Any], Any]:
    """The activation of that name."""
    slope = leaky_slope(name)
    return LeakyReLU(slope) if slope else ACTIVATIONS[name]


def function_of(act: Any) -> Any:
    """The function that an activation layer of Keras applies; anything else as it is."""
    if type(act) is keras.layers.Activation:
        return act.activation
    if type(act) is keras.layers.ReLU and not act.negative_slope and not act.threshold:
        return {None: keras.ops.relu, 6: keras.ops.relu6}.get(act.max_value, act)
    return act


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6."""
    return ops.hard_sigmoid(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


def global_avg_pool(x: Any, data_format: str) -> Any:
    """The mean over height and width, which stay as axes of one position."""
    return ops.mean(x, axis=spatial_axes(data_format), keepdims=True)


def avg_pool_2x2(x: Any, data_format: str) -> Any:
    """The means over 2x2; an odd last row or column is left out."""
    return ops.average_pool(x, 2, 2, "valid", data_format)


def max_pool_2x2(x: Any, data_format: str) -> Any:
    """The maxima over 2x2; an odd last row or column is left out."""
    return ops.max_pool(x, 2, 2, "valid", data_format)


def resize_like(x: Any, other: Any, data_format: str) -> Any:
    """The nearest position, by the rule (i * in) // out, at height and width of `other`."""
    for axis in spatial_axes(data_format):
        size, wanted = ops.shape(x)[axis], ops.shape(other)[axis]
        index = ops.arange(wanted)
        x = ops.take(x, arithmetic.nearest_source(index, size, wanted), axis)
    return x


def module_list(modules: Iterable[Any]) -> list[Any]:
    """Modules in an order, under their indices."""
    return list(modules)


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
    """Whether the normalisation will use the statistics of the batch."""
    if norm is None or not training or not norm.trainable:
        return False
    return not (getattr(norm, "synchronized", False) and replicas() > 1)


def dtype_name(x: Any) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return keras.backend.standardize_dtype(getattr(x, "dtype", "float32"))
