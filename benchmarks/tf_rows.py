"""Keras on TensorFlow: in graph mode, and compiled by XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ghost_tf
from benchmarks import keras_ghostnet
from benchmarks.measure import emit, rows
from benchmarks.shapes import BATCHES, NETWORKS, Shape, layer_shapes
from ghost_tf import weights_io

MODES = {"": False, ", XLA": True}
# The images of a step of `fit`.
FIT_BATCH = 16


def conv_norm(c_out: int, kernel: int, stride: int = 1, *, norm: bool = True) -> list[Any]:
    """Convolution, batch normalisation and ReLU in Keras' own layers."""
    padding = [keras.layers.ZeroPadding2D(kernel // 2)] if kernel > 1 else []
    conv = keras.layers.Conv2D(c_out, kernel, stride, use_bias=not norm)
    return [*padding, conv, *([keras.layers.BatchNormalization()] if norm else []),
            keras.layers.ReLU()]  # fmt: skip


def naive(shape: Shape) -> keras.Model:
    """The layer as anyone would write it."""
    inner = shape.c_out // shape.ratio
    x = inputs = keras.Input((shape.size, shape.size, shape.c_in))
    for each in conv_norm(inner, shape.kernel_size, shape.stride):
        x = each(x)
    multiplier = shape.ratio - 1
    depthwise = keras.layers.DepthwiseConv2D(
        3, padding="same", depth_multiplier=multiplier, use_bias=False
    )
    ghost = keras.layers.ReLU()(keras.layers.BatchNormalization()(depthwise(x)))
    return keras.Model(inputs, keras.layers.Concatenate()([x, ghost]))


def layer(*, quick: bool) -> None:
    """Every shape, forward and a training step."""
    for shape in layer_shapes(quick=quick):
        x = image(shape.batch, shape.size, shape.c_in)
        modules = trained(shape)
        deployed = {
            "plain deployed": plain(shape, norm=False),
            "ours deployed": ghost_tf.deploy(modules["ours"]),
        }
        forward = in_both_modes(forward_of, modules | deployed, x)
        emit(rows("tf", "layer", str(shape), "forward", forward, quick=quick))
        emit(rows("tf", "layer", str(shape), "forward + backward", steps(shape), quick=quick))


def trained(shape: Shape) -> dict[str, Any]:
    """The layer as anyone would write it, the convolution that it replaces, and ours."""
    ours = ghost_tf.GhostConv(**shape.arguments)
    ours(image(1, shape.size, shape.c_in))
    return {"naive": naive(shape), "plain": plain(shape), "ours": ours}


def plain(shape: Shape, *, norm: bool = True) -> Any:
    """The convolution that a GhostConv replaces."""
    return keras.Sequential(conv_norm(shape.c_out, shape.kernel_size, shape.stride, norm=norm))


def steps(shape: Shape) -> dict[str, Callable[[], Any]]:
    """Training steps in both modes, each waiting for its gradients."""
    x = image(shape.batch, shape.size, shape.c_in)
    return in_both_modes(step_of, trained(shape), x)


def network(*, quick: bool) -> None:
    """Every network, and the same one with plain convolutions."""
    for name, architecture, config, size in NETWORKS[:1] if quick else NETWORKS:
        kind = weights_io.ARCHITECTURES[architecture]
        ours, plain = kind(**config), kind(**config, ratio=1)
        for module in (ours, plain):
            module(image(1, size, 3))
        modules = {
            "plain": plain,
            "ours": ours,
            "plain deployed": ghost_tf.deploy(plain),
            "ours deployed": ghost_tf.deploy(ours),
        }
        for batch in BATCHES:
            runs = in_both_modes(forward_of, modules, image(batch, size, 3))
            emit(rows("tf", "network", f"{name} batch {batch}", "forward", runs, quick=quick))
    fits = {name: keras_ghostnet.step(name, FIT_BATCH) for name in ("naive", "ours")}
    emit(rows("tf", "network", f"ghostnet_100 batch {FIT_BATCH}", "fit", fits, quick=quick))


def in_both_modes(
    prepare: Callable[[Any, Any, bool], Callable[[], Any]], modules: dict[str, Any], x: Any
) -> dict[str, Callable[[], Any]]:
    """Each module in graph mode and under XLA."""
    return {
        f"{name}{mode}": prepare(module, x, xla)
        for name, module in modules.items()
        for mode, xla in MODES.items()
    }


def forward_of(module: Any, x: Any, xla: bool) -> Callable[[], Any]:
    """Inference."""
    call = tf.function(lambda x: module(x, training=False), jit_compile=xla)
    return lambda: call(x).numpy()


def step_of(module: Any, x: Any, xla: bool) -> Callable[[], Any]:
    """Output and gradients of everything, in training."""
    module(x)

    @tf.function(jit_compile=xla)
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.square(module(x, training=True)))
        return tape.gradient(loss, [x, *(each.value for each in module.trainable_variables)])

    return lambda: step(x)[0].numpy()


def image(batch: int, size: int, channels: int) -> Any:
    """Random numbers."""
    shape = (batch, size, size, channels)
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)
