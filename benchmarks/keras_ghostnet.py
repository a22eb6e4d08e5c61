"""GhostNet as anyone would write it in Keras' own layers, and a step of `fit` of it and of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

import ghost_tf
from weights import configure

SIZE, CLASSES = 224, 1000


def step(name: str, batch: int) -> Callable[[], Any]:
    """A step of `fit` with plain SGD, of "naive" or "ours"."""
    model = naive() if name == "naive" else ghost_tf.ghostnet_100()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    generator = np.random.default_rng(0)
    images = generator.normal(size=(batch, SIZE, SIZE, 3)).astype(np.float32)
    labels = generator.integers(CLASSES, size=batch)
    return lambda: model.train_on_batch(images, labels)


def naive() -> keras.Model:
    """ghostnet_100 by the rows of the paper's table."""
    config = configure("ghostnet", {})
    x = inputs = keras.Input((SIZE, SIZE, 3))
    stem = layers.Conv2D(config.stem.c_out, 3, 2, "same", use_bias=False)
    x = normed(x, stem, "relu")
    for _, block in config.blocks():
        x = bottleneck(x, block)
    x = normed(x, layers.Conv2D(config.last.c_out, 1, use_bias=False), "relu")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Flatten()(layers.Conv2D(config.num_features, 1, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.Dropout(config.dropout)(x)))


def bottleneck(x: Any, block: Any) -> Any:
    """Two ghost modules, what stands between them, and the shortcut."""
    out = ghost(x, block.c_mid, "relu")
    if block.stride > 1:
        out = normed(out, depthwise(block.kernel_size, block.stride))
    if block.se_ratio:
        squeezed = layers.GlobalAveragePooling2D(keepdims=True)(out)
        squeezed = layers.Conv2D(block.squeeze_excite.reduce.c_out, 1, activation="relu")(squeezed)
        gate = layers.Conv2D(block.c_mid, 1, activation="hard_sigmoid")(squeezed)
        out = layers.Multiply()([out, gate])
    out = ghost(out, block.c_out)
    if block.shortcut:
        x = normed(x, depthwise(block.kernel_size, block.stride))
        x = normed(x, layers.Conv2D(block.c_out, 1, use_bias=False))
    return layers.Add()([out, x])


def ghost(x: Any, c_out: int, activation: str | None = None) -> Any:
    """A ghost module of ratio 2."""
    x = normed(x, layers.Conv2D(c_out // 2, 1, use_bias=False), activation)
    return layers.Concatenate()([x, normed(x, depthwise(3), activation)])


def depthwise(kernel_size: int, stride: int = 1) -> Any:
    """A depthwise convolution."""
    return layers.DepthwiseConv2D(kernel_size, stride, "same", use_bias=False)


def normed(x: Any, convolution: Any, activation: str | None = None) -> Any:
    """Convolution, batch normalisation, and the activation if there is one."""
    x = layers.BatchNormalization()(convolution(x))
    return layers.Activation(activation)(x) if activation else x
