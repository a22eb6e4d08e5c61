"""Other ways of running the package, each as an implementation of its own.

`ghost-conformance run --implementation ghost_tf.modes:graph`, and likewise the others.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ghost_tf.adapter import Adapter, strict_arithmetic, versions
from ghost_tf.exporting.export import EXPORTER
from ghost_tf.replicas import mirrored
from ghost_tf.weights_io import FRAMEWORK
from weights.columns.adapter import PRECISIONS, PreparedAdapter, Run, widened
from weights.deployment.mode import mode
from weights.files.digests import common_dtype

__all__ = [
    "PRECISIONS",
    "bfloat16",
    "channels_first",
    "float16",
    "float64",
    "graph",
    "litert",
    "multi_worker",
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
    return Function.build(architecture, config, weights, jit_compile=False)


def xla(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Function:
    """Under tf.function, compiled by XLA, training steps too."""
    return Function.build(architecture, config, weights, jit_compile=True)


def float64(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Parameters and arithmetic in float64."""
    return Mode.build(architecture, config, widened(weights), prepare=_inference)


def multi_worker(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """With replicas in processes, where those of `ghost_tf` are logical devices of one."""
    return Adapter.build(architecture, config, weights, engine=mirrored.multi_worker)


def channels_first(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Mode:
    """With channels before rows and columns."""
    dtype = common_dtype(weights)
    module = _made(architecture, config, weights, dtype=dtype.name, data_format="channels_first")

    def run(x: Any) -> Any:
        out = module(tf.transpose(x, (0, 3, 1, 2)), training=False)
        return tf.transpose(out, (0, 2, 3, 1)) if len(out.shape) == 4 else out

    return Mode(module, dtype, lambda *_: run)


def bfloat16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Under Keras' policy mixed_bfloat16: arithmetic in bfloat16, parameters in float32."""
    return _mixed(_made(architecture, config, weights, dtype="mixed_bfloat16"))


def float16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Under Keras' policy mixed_float16: arithmetic in float16, parameters in float32."""
    return _mixed(_made(architecture, config, weights, dtype="mixed_float16"))


litert = mode(EXPORTER, Adapter, "litert")
saved_model = mode(EXPORTER, Adapter, "saved-model")


@Mode.prepared
def predict(module: Any, x: Any) -> Run:
    """Through `keras.Model.predict`, in a functional model."""
    inputs = keras.Input(x.shape[1:], dtype=x.dtype.name)
    model = keras.Model(inputs, module(inputs))
    return lambda x: model.predict(np.asarray(x), batch_size=2, verbose=0)


@Mode.prepared
def one_by_one(module: Any, _: Any) -> Run:
    """One image at a time."""
    return lambda x: tf.concat([module(each[None], training=False) for each in x], 0)


def _inference(module: Any, _: Any) -> Run:
    return lambda x: module(x, training=False)


def _made(architecture: str, config: Any, weights: Any, **options: Any) -> Any:
    module = FRAMEWORK.architectures[architecture](**config, **options)
    FRAMEWORK.set_state(module, weights)
    return module


def _mixed(module: Any) -> Mode:
    def run(x: Any) -> Any:
        return tf.cast(module(x, training=False), "float32")

    return Mode(module, np.float32, lambda *_: run)
