"""Convolutions with explicit padding, which Keras lacks."""

from dataclasses import asdict
from math import prod
from typing import Any

import keras
from keras import ops

from ghost_tf.framework.data_format import (
    canonical_shape,
    native_shape,
    pad_rows_and_columns,
    subsample,
    vector_shape,
)
from ghost_tf.framework.options import VariableOptions, drawn_apart
from weights import arithmetic
from weights.arithmetic import Pair
from weights.modules.convolutions import MOST_TAPS, ConvolutionPlan


@keras.saving.register_keras_serializable("ghost_tf")
class Convolution(VariableOptions, keras.layers.Layer):
    """A convolution with symmetric explicit padding; kernel (kh, kw, I/groups, O)."""

    def __init__(self, plan: ConvolutionPlan, *, data_format: str, **options: Any) -> None:
        super().__init__(**options)
        self.plan = plan
        self.data_format = data_format

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the kernel, and the bias where there is one."""
        self.kernel = self._variable("kernel", self.kernel_shape)
        if self.plan.bias:
            self.bias = self._variable("bias", (self.plan.c_out,))

    def _variable(self, name: str, shape: tuple[int, ...]) -> Any:
        chosen = getattr(self, f"{name}_initializer")
        return self.add_weight(
            shape,
            drawn_apart(chosen) if chosen else uniform(self.plan.fan_in),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
            name=name,
        )

    def get_config(self) -> dict[str, Any]:
        """The layer's own arguments and Keras' (name, dtype policy, ...), for saving."""
        return {**super().get_config(), "plan": asdict(self.plan)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that Keras saved."""
        return super().from_config({**config, "plan": convolution_plan(config["plan"])})

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the kernel as Keras has it."""
        canonical = self.plan.kernel_shape
        return (*canonical[2:], *canonical[1::-1])

    def call(self, x: Any) -> Any:
        """Shapes: x: (N, H, W, C) or (N, C, H, W), the same order out."""
        if x.shape[0] == 0:  # Keras' convolution returns its input then
            return ops.zeros(self.compute_output_shape(x.shape), self.compute_dtype)
        x = self.convolve(x)
        if not self.plan.bias:
            return x
        return x + ops.reshape(self.bias, vector_shape(self.data_format))

    def convolve(self, x: Any) -> Any:
        """The convolution without its bias."""
        is_last = self.data_format == "channels_last"
        if self.plan.pointwise and is_last and _is_xla_on_a_cpu():
            return self._product(subsample(x, self.plan.stride, self.data_format))
        if self._pads_itself():
            from ghost_tf.framework.padded import convolution

            return convolution(x, ops.convert_to_tensor(self.kernel), self.plan)
        x, padding = self.padded(x)
        stride = self.plan.stride
        strided_and_dilated = max(stride) > 1 and max(self.plan.dilation) > 1
        # TensorFlow refuses a stride together with a dilation: take every stride-th output.
        steps = (1, 1) if strided_and_dilated else stride
        x = self._convolved(x, steps, padding)
        return subsample(x, stride, self.data_format) if strided_and_dilated else x

    def _convolved(self, x: Any, stride: Pair, padding: str) -> Any:
        """The convolution, channels last where the processor has no other."""
        arguments = self.kernel, stride, padding
        if self.data_format == "channels_last" or _convolves_channels_first():
            return ops.conv(x, *arguments, self.data_format, self.plan.dilation)
        x = ops.transpose(x, (0, 2, 3, 1))
        x = ops.conv(x, *arguments, "channels_last", self.plan.dilation)
        return ops.transpose(x, (0, 3, 1, 2))

    def _product(self, x: Any) -> Any:
        """The convolution of 1x1 as a product of matrices, as XLA is faster with."""
        rows = ops.reshape(x, (-1, self.plan.c_in))
        out = ops.matmul(rows, ops.reshape(self.kernel, (self.plan.c_in, self.plan.c_out)))
        return ops.reshape(out, (*ops.shape(x)[:-1], self.plan.c_out))

    def _pads_itself(self) -> bool:
        """Whether TensorFlow pads the convolution, which Keras cannot ask for."""
        if keras.backend.backend() != "tensorflow":
            return False
        from ghost_tf.framework.padded import is_wanted

        return is_wanted(self.plan, self.data_format)

    def padded(self, x: Any) -> tuple[Any, str]:
        """The input, padded where Keras cannot do it, and Keras' mode of padding for it."""
        if self.plan.keeps_sizes:
            return x, "same"
        return pad_rows_and_columns(x, self.plan.padding, self.data_format), "valid"

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        batch, _, height, width = canonical_shape(input_shape, self.data_format)
        sizes = self.plan.output_sizes((height, width))
        return native_shape((batch, self.plan.c_out, *sizes), self.data_format)


@keras.saving.register_keras_serializable("ghost_tf")
class DepthwiseConvolution(Convolution):
    """A depthwise convolution; kernel (kh, kw, C, multiplier)."""

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the kernel as Keras has it."""
        return (*self.plan.kernel_size, self.plan.c_in, self.plan.multiplier)

    def convolve(self, x: Any) -> Any:
        """The convolution without its bias."""
        if prod(self.plan.kernel_size) <= MOST_TAPS and _is_xla_on_a_cpu():
            return self._shifted(x)
        if self._pads_itself():
            from ghost_tf.framework.padded import depthwise

            return depthwise(x, ops.convert_to_tensor(self.kernel), self.plan)
        x, padding = self.padded(x)
        sizes = self.plan.stride, padding, self.data_format, self.plan.dilation
        return ops.depthwise_conv(x, self.kernel, *sizes)

    def _shifted(self, x: Any) -> Any:
        from ghost_tf.framework.shifted import depthwise

        first = self.data_format == "channels_first"
        x = ops.transpose(x, (0, 2, 3, 1)) if first else x
        kernel = ops.convert_to_tensor(self.kernel)
        x = depthwise(x, kernel, self.plan.padding, self.plan.dilation)
        x = ops.transpose(x, (0, 3, 1, 2)) if first else x
        return subsample(x, self.plan.stride, self.data_format)


def convolution_plan(saved: dict[str, Any]) -> ConvolutionPlan:
    """The plan whose fields Keras saved, pairs as lists; earlier ones have no `norm`."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in saved.items()}
    return ConvolutionPlan(**{"norm": not saved["bias"], **fields})


def uniform(fan_in: int) -> keras.initializers.Initializer:
    """PyTorch's default distribution."""
    bound = arithmetic.uniform_bound(fan_in)
    return keras.initializers.RandomUniform(-bound, bound)


def _is_xla_on_a_cpu() -> bool:
    """Whether XLA will compile the call for a CPU, where its convolutions are slow."""
    if keras.backend.backend() != "tensorflow":
        return False
    from ghost_tf.framework.processor import is_in_xla, is_on_a_cpu

    return is_in_xla() and is_on_a_cpu()


def _convolves_channels_first() -> bool:
    if keras.backend.backend() != "tensorflow":
        return True
    from ghost_tf.framework.processor import convolves_channels_first

    return convolves_channels_first()
