"""Other ways of running the package, each as an implementation of its own.

`ghost-conformance run --implementation ghost_tf.modes:graph`, and likewise the others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ghost_tf import adapter, weights_io
from ghost_tf.adapter import Adapter, strict_arithmetic, versions
from weights.columns.adapter import PRECISIONS, Prepare, PreparedAdapter, Run
from weights.files.digests import common_dtype

__all__ = [
    "PRECISIONS",
    "bfloat16",
    "channels_first",
    "float16",
    "float64",
    "graph",
    "litert",
    "one_by_one",
    "predict",
    "saved_model",
    "strict_arithmetic",
    "versions",
    "xla",
]


class Mode(PreparedAdapter, Adapter):
    """One built module that runs in another way; inference only."""


class Function(Adapter):
    """One built module whose outputs and training steps run under tf.function."""

    def __init__(self, module: Any, dtype: Any, *, jit_compile: bool) -> None:
        super().__init__(module, dtype)
        compiled = partial(tf.function, jit_compile=jit_compile)
        self._forward = compiled(super()._forward)  # type: ignore[method-assign]
        self._gradients = compiled(super()._gradients)  # type: ignore[method-assign]

    taps = None  # type: ignore[assignment]


def graph(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Function:
    """Under tf.function, training steps too."""
    built = adapter.build(architecture, config, weights)
    return Function(built.module, built.dtype, jit_compile=False)


def xla(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Function:
    """Under tf.function, compiled by XLA, training steps too."""
    built = adapter.build(architecture, config, weights)
    return Function(built.module, built.dtype, jit_compile=True)


def litert(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Converted to LiteRT's flat buffer, run by its interpreter."""

    def prepare(module: Any, x: Any) -> Run:
        from ai_edge_litert.interpreter import Interpreter

        inputs = keras.Input(batch_shape=x.shape, dtype=x.dtype.name)
        model = keras.Model(inputs, module(inputs))
        content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()

        def run(x: Any) -> Any:
            interpreter.set_tensor(given["index"], np.asarray(x))
            interpreter.invoke()
            return interpreter.get_tensor(wanted["index"])

        return run

    return _build(prepare, architecture, config, weights)


def saved_model(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Saved as TensorFlow's SavedModel, and loaded again."""

    def prepare(module: Any, x: Any) -> Run:
        holder = tf.Module()
        signature = [tf.TensorSpec(x.shape, x.dtype)]
        holder.module = module
        holder.call = tf.function(lambda x: module(x, training=False), input_signature=signature)
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(holder, folder)
            loaded = tf.saved_model.load(folder)
        return lambda x: loaded.call(x)

    return _build(prepare, architecture, config, weights)


def predict(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Through `keras.Model.predict`, in a functional model."""

    def prepare(module: Any, x: Any) -> Run:
        inputs = keras.Input(x.shape[1:], dtype=x.dtype.name)
        model = keras.Model(inputs, module(inputs))
        return lambda x: model.predict(np.asarray(x), batch_size=2, verbose=0)

    return _build(prepare, architecture, config, weights)


def one_by_one(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """One image at a time."""

    def prepare(module: Any, _: Any) -> Run:
        return lambda x: tf.concat([module(each[None], training=False) for each in x], 0)

    return _build(prepare, architecture, config, weights)


def channels_first(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Mode:
    """With channels before rows and columns."""
    dtype = common_dtype(weights)
    kind = weights_io.ARCHITECTURES[architecture]
    module = kind(**config, dtype=dtype.name, data_format="channels_first")
    weights_io.set_state(module, weights)

    def run(x: Any) -> Any:
        out = module(tf.transpose(x, (0, 3, 1, 2)), training=False)
        return tf.transpose(out, (0, 2, 3, 1)) if len(out.shape) == 4 else out

    return Mode(module, dtype, lambda *_: run)


def float64(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Parameters and arithmetic in float64."""
    wide = {name: array.astype(np.float64) for name, array in weights.items()}

    def prepare(module: Any, _: Any) -> Run:
        return lambda x: module(x, training=False)

    return _build(prepare, architecture, config, wide)


def bfloat16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Under Keras' policy mixed_bfloat16: arithmetic in bfloat16, parameters in float32."""
    return _mixed("mixed_bfloat16", architecture, config, weights)


def float16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Under Keras' policy mixed_float16: arithmetic in float16, parameters in float32."""
    return _mixed("mixed_float16", architecture, config, weights)


def _mixed(policy: str, architecture: str, config: Any, weights: Any) -> Mode:
    module = weights_io.ARCHITECTURES[architecture](**config, dtype=policy)
    weights_io.set_state(module, weights)

    def run(x: Any) -> Any:
        return tf.cast(module(x, training=False), "float32")

    return Mode(module, np.float32, lambda *_: run)


def _build(prepare: Prepare, *description: Any) -> Mode:
    built = adapter.build(*description)
    return Mode(built.module, built.dtype, prepare)
