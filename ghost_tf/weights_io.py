"""Weights in and out: canonical names and layouts, strict, all or nothing."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from ghost_tf.attention import SqueezeExcite
from ghost_tf.bottleneck import GhostBottleneck
from ghost_tf.facts import facts
from ghost_tf.framework.graphs import is_graph, rebuilt
from ghost_tf.ghost_conv import GhostConv, GhostConvV2
from ghost_tf.ghost_conv_v3 import GhostConvV3
from ghost_tf.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_tf.networks.repghostnet import RepGhostNet
from ghost_tf.networks.resnet import GhostResNet20, GhostResNet56
from ghost_tf.networks.vgg import GhostVGG16
from ghost_tf.ordinary.axes import checked
from ghost_tf.ordinary.layers import layer_of
from ghost_tf.ordinary.network import parts
from ghost_tf.rep_ghost import RepGhostBottleneck, RepGhostConv
from ghost_tf.saving.planned import Planned
from ghost_tf.yolo import C3Ghost
from weights import ArgumentError, tensors
from weights.columns.backend import by_architecture
from weights.columns.column import Column
from weights.columns.places import Part
from weights.layout import (
    from_channels_last,
    from_depth_multiplier,
    to_channels_last,
    to_depth_multiplier,
)
from weights.tensors import TensorSpec

ARCHITECTURES = by_architecture(
    GhostConv, GhostConvV2, GhostConvV3, SqueezeExcite, GhostBottleneck, RepGhostConv,
    RepGhostBottleneck, C3Ghost, GhostNet, GhostNetV2, GhostNetV3, RepGhostNet, GhostResNet20,
    GhostResNet56, GhostVGG16,
)  # fmt: skip
ATTRIBUTES = {
    tensors.CONVOLUTION: "kernel",
    tensors.DEPTHWISE: "kernel",
    tensors.LINEAR: "kernel",
    tensors.NORM_WEIGHT: "gamma",
    tensors.NORM_BIAS: "beta",
    tensors.RUNNING_MEAN: "moving_mean",
    tensors.RUNNING_VAR: "moving_variance",
}


class Framework(Column[keras.layers.Layer, Planned, keras.Variable]):
    """Makes the framework's modules, reads and writes the tensors that they hold."""

    architectures = ARCHITECTURES
    facts = staticmethod(facts)
    attributes = ATTRIBUTES
    base = keras.layers.Layer
    channels_last = True
    layer_of = staticmethod(layer_of)

    def make(self, architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        return ARCHITECTURES[architecture](**config, dtype=dtype.name)

    def make_like(self, module: Any, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        options = Planned.get_config(module)
        made = ARCHITECTURES[module.architecture].from_config({**options, **config})
        made.build_like(module)
        return made

    def make_empty(self, architecture: str, config: Mapping[str, Any]) -> Any:
        drawn = random.getstate()  # from which Keras draws the seeds of what is made
        made = ARCHITECTURES[architecture](**config, name="empty")
        random.setstate(drawn)
        return made

    def to_canonical(self, variable: keras.Variable, spec: TensorSpec) -> np.ndarray:
        array = self.array_of(variable)
        if spec.kind == tensors.DEPTHWISE:
            return np.array(from_depth_multiplier(array))
        return np.array(from_channels_last(array, spec))

    def to_native(
        self, array: np.ndarray, spec: TensorSpec, variable: keras.Variable
    ) -> np.ndarray:
        if spec.kind == tensors.DEPTHWISE:
            return to_depth_multiplier(array, variable.shape[2])
        return to_channels_last(array, spec)

    def parts(self, network: keras.layers.Layer) -> Iterator[Part]:
        return checked([*parts(network, tuple(ARCHITECTURES.values()))])

    def exchanged(self, network: keras.layers.Layer, made: Mapping[int, keras.layers.Layer]) -> Any:
        if not is_graph(network):
            raise ArgumentError(
                "`module` must be a Functional or Sequential model, got "
                f"{type(network).__name__}, of which Keras does not know how its layers are "
                "connected: deploy the Functional models within it, or each ghost module"
            )
        return rebuilt(network, made)

    def array_of(self, variable: keras.Variable) -> np.ndarray:
        is_variable = isinstance(variable, keras.Variable)
        return variable.numpy() if is_variable else ops.convert_to_numpy(variable)

    def value_of(self, array: np.ndarray, variable: keras.Variable) -> np.ndarray:
        return array

    def assign(
        self,
        module: Any,
        variables: Mapping[str, keras.Variable],
        values: Mapping[str, Any],
        what: str,
    ) -> None:
        for name, variable in variables.items():
            variable.assign(values[name])

    def create_variables(self, module: Any) -> None:
        if not module.built:
            module.build(module.takes)


FRAMEWORK = Framework()
build = FRAMEWORK.build
