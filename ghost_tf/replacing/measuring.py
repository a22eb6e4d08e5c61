"""Convolutions of a model that runs: their inputs and outputs, and how long they take."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from ghost_tf.framework.data_format import channel_axis
from ghost_tf.layers import activation
from ghost_tf.weights_io import FRAMEWORK
from weights.replacing.example import Instead


def inputs(
    model: Any, convolutions: Mapping[str, Any], example: Any, instead: Instead | None = None
) -> dict[str, list[Any]]:
    """What each convolution is given, by its path, when the model runs on the example."""
    seen: dict[str, list[Any]] = {path: [] for path in convolutions}
    with ExitStack() as stack:
        for path, conv in convolutions.items():
            # Keras would take a function that is set in the usual way for a part of the layer.
            watched = partial(_see, path, seen[path], instead, conv.call)
            object.__setattr__(conv, "call", watched)
            stack.callback(object.__delattr__, conv, "call")
        model(*example, training=False)
    return seen


def timed(module: Any, inputs: Sequence[Any]) -> Callable[[], list[Any]]:
    """A call of a convolution or GhostConv in inference on these inputs."""
    if not module.built:
        FRAMEWORK.create_variables(module)
    compiled = tf.function(lambda inputs: [module(x, training=False) for x in inputs])

    def run() -> list[Any]:
        outputs = compiled(list(inputs))
        tf.test.experimental.sync_devices()
        return list(outputs)

    return run


def outputs(conv: Any, x: Any) -> np.ndarray:
    """The convolution's output without its activation: (N, C, H, W), in float64."""
    y = conv.convolution_op(x, conv.kernel)
    y = np.moveaxis(ops.convert_to_numpy(y).astype(np.float64), channel_axis(conv.data_format), 1)
    bias = 0.0 if conv.bias is None else conv.bias.numpy().astype(np.float64)
    return y + np.reshape(bias, (-1, 1, 1))


def following(modules: Mapping[str, Any], path: str) -> str | None:
    """The path of the one layer that reads the convolution's output in the graph."""
    readers = {id(node.operation) for node in modules[path]._outbound_nodes}
    paths = [other for other, layer in modules.items() if id(layer) in readers]
    return paths[0] if len(paths) == 1 else None


def activated(name: str, x: np.ndarray) -> np.ndarray:
    """The activation of that name, of an array in float64."""
    return ops.convert_to_numpy(activation(name)(ops.convert_to_tensor(x)))


def variables(conv: Any) -> tuple[Any, Any]:
    """Kernel and bias; `None` where there is no bias."""
    return conv.kernel, conv.bias


def _see(
    path: str,
    seen: list[Any],
    instead: Instead | None,
    call: Callable[..., Any],
    x: Any,
    *arguments: Any,
    **options: Any,
) -> Any:
    other = None
    if not tf.is_symbolic_tensor(x):
        seen.append(x)
        other = instead(path, x) if instead else None
    return call(x, *arguments, **options) if other is None else other
