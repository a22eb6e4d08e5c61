"""Recording the calls of a network's layers, by wrapping what calls them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from ghost_tf.adapter import strict_arithmetic, versions
from ghost_tf.framework.keras_backends import backend
from ghost_tf.ghost_conv import ConvNormAct
from ghost_tf.ordinary.network import children
from ghost_tf.weights_io import FRAMEWORK
from weights import ArgumentError
from weights.columns.recording import recorder
from weights.columns.recording.calls import Calls

__all__ = ["Recorder", "build", "strict_arithmetic", "versions"]

# Places of the convolution and of its batch normalisation.
CONV_NORM = (0, 1)


class Recorder(recorder.Recorder):
    """Runs a user's network of Keras."""

    framework = FRAMEWORK
    name = "Keras"

    def modules(self, network: Any) -> Iterator[tuple[str, Any]]:
        met: dict[int, tuple[str, Any]] = {}
        for path, layer in _walk(network, ""):
            met.setdefault(id(layer), (path, layer))
        return iter(met.values())

    def tensor(self, array: np.ndarray) -> Any:
        return ops.convert_to_tensor(array)

    def array(self, value: Any) -> np.ndarray | None:
        if not ops.is_tensor(value):
            return None
        try:
            array = np.array(ops.convert_to_numpy(value))
        except (NotImplementedError, AttributeError):  # it has no values yet
            return None
        return array.astype(np.float32) if array.dtype.name == "bfloat16" else array

    def widened(self, network: Any) -> Any:
        raise ArgumentError("a Keras network keeps the type that it was made with")

    def settle(self, network: Any, inputs: Sequence[Any]) -> None:
        """Create the variables of a network that has none before its first call."""
        network(*inputs, training=False)

    @contextmanager
    def watched(self, network: Any, calls: Calls) -> Iterator[None]:
        function = keras.layers.Layer.__call__
        keras.layers.Layer.__call__ = calls.intercepting(function)
        try:
            yield
        finally:
            keras.layers.Layer.__call__ = function

    def run(self, network: Any, inputs: Sequence[Any], *, training: bool) -> Any:
        return network(*inputs, training=training)

    def differentiate(self, network: Any, inputs: Sequence[Any]) -> None:
        (x,) = inputs
        shape = tuple(network(x, training=False).shape)
        cotangent = self.tensor(self.cotangent(shape).astype(np.float32))
        sources = [variable.value for variable in network.trainable_variables]
        _, _, *grads = backend().differentiate(network, x, cotangent, sources)
        for variable, grad in zip(network.trainable_variables, grads, strict=True):
            variable.assign(ops.zeros_like(variable) if grad is None else grad)


build = Recorder.build


def _walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every layer at or in a layer or a container."""
    if isinstance(node, keras.layers.Layer):
        yield path, node
    counted = {id(node[n]): n for n in CONV_NORM} if isinstance(node, ConvNormAct) else {}
    for name, child, _ in children(node):
        name = counted.get(id(child), name)
        yield from _walk(child, f"{path}.{name}".removeprefix("."))
