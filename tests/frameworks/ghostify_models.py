"""The same chain of convolutions in every framework, to be replaced by `replace_convolutions`."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from tests.columns import Column


@dataclass(frozen=True)
class Conv:
    """A convolution under a name; `padding` is "same" or "valid"."""

    name: str
    c_in: int
    c_out: int
    kernel_size: int = 3
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    padding: str = "same"
    bias: bool = False


SMALL = (
    Conv("stem", 3, 16, padding="valid"),
    Conv("depthwise", 16, 16, groups=16),
    Conv("pointwise", 16, 16, 1, bias=True),
    Conv("dilated", 16, 20, dilation=2),
    Conv("grouped", 20, 16, groups=2),
    Conv("strided", 16, 16, 2, stride=2, padding="valid"),
    Conv("mask", 16, 1, 1),
)
VGG = (
    Conv("conv1_1", 3, 64),
    Conv("conv1_2", 64, 64),
    Conv("conv2_1", 64, 128),
    Conv("conv2_2", 128, 128),
    Conv("classifier", 128, 10, 1),
)


def chain(column: Column, *convolutions: Conv) -> Any:
    """A model that is these convolutions, one after the other, each at the path of its name."""
    build = {"ghost_torch": _torch_chain, "ghost_jax": _flax_chain, "ghost_tf": _keras_chain}
    return build[column.name](column, convolutions)


def replace(column: Column, model: Any, *arguments: Any, **options: Any) -> Any:
    """What the column's `replace_convolutions` returns."""
    if column.name == "ghost_jax":
        options["rngs"] = importlib.import_module("flax.nnx").Rngs(0)
    return column.package.replace_convolutions(model, *arguments, **options)


def convolution_of(column: Column, model: Any, name: str) -> Any:
    """The convolution of a chain that has that name."""
    return model.get_layer(name) if column.name == "ghost_tf" else getattr(model, name)


def parameters(column: Column, model: Any) -> int:
    """How many numbers of the model training changes."""
    if column.name == "ghost_torch":
        return sum(each.numel() for each in model.parameters())
    if column.name == "ghost_tf":
        return sum(each.numpy().size for each in model.trainable_variables)
    nnx, jax = importlib.import_module("flax.nnx"), importlib.import_module("jax")
    return sum(each.size for each in jax.tree.leaves(nnx.state(model, nnx.Param)))


def _torch_chain(column: Column, convolutions: tuple[Conv, ...]) -> Any:
    del column
    nn = importlib.import_module("torch.nn")
    layers = OrderedDict(
        (
            each.name,
            nn.Conv2d(
                each.c_in,
                each.c_out,
                each.kernel_size,
                each.stride,
                each.padding,
                each.dilation,
                each.groups,
                each.bias,
            ),
        )
        for each in convolutions
    )
    return nn.Sequential(layers)


def _flax_chain(column: Column, convolutions: tuple[Conv, ...]) -> Any:
    nnx = importlib.import_module("flax.nnx")

    class Chain(nnx.Dict):
        def __call__(self, x: Any) -> Any:
            for each in convolutions:
                x = self[each.name](x)
            return x

    layers = {
        each.name: nnx.Conv(
            each.c_in,
            each.c_out,
            (each.kernel_size, each.kernel_size),
            each.stride,
            padding=each.padding.upper(),
            kernel_dilation=each.dilation,
            feature_group_count=each.groups,
            use_bias=each.bias,
            kernel_init=nnx.initializers.ones,  # nothing to compile
            rngs=nnx.Rngs(0),
        )
        for each in convolutions
    }
    return Chain(layers)


def _keras_chain(column: Column, convolutions: tuple[Conv, ...]) -> Any:
    keras = importlib.import_module("keras")
    inputs = x = keras.Input((12, 10, convolutions[0].c_in))
    for each in convolutions:
        x = keras.layers.Conv2D(
            each.c_out,
            each.kernel_size,
            each.stride,
            each.padding,
            dilation_rate=each.dilation,
            groups=each.groups,
            use_bias=each.bias,
            name=each.name,
        )(x)
    return keras.Model(inputs, x)
