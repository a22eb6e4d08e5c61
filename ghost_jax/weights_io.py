"""Weights in and out: canonical names and layouts, strict, all or nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx

from ghost_jax.attention import SqueezeExcite
from ghost_jax.bottleneck import GhostBottleneck
from ghost_jax.facts import facts
from ghost_jax.framework.abstract import abstract, seed_dropout, settle
from ghost_jax.framework.options import check_dtype
from ghost_jax.framework.planned import Planned
from ghost_jax.ghost_conv import GhostConv, GhostConvV2
from ghost_jax.ghost_conv_v3 import GhostConvV3
from ghost_jax.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_jax.networks.repghostnet import RepGhostNet
from ghost_jax.networks.resnet import GhostResNet20, GhostResNet56
from ghost_jax.networks.vgg import GhostVGG16
from ghost_jax.ordinary.layers import layer_of
from ghost_jax.ordinary.network import parts
from ghost_jax.ordinary.places import exchanged
from ghost_jax.rep_ghost import RepGhostBottleneck, RepGhostConv
from ghost_jax.yolo import C3Ghost
from weights import ArgumentError, tensors
from weights.columns.backend import by_architecture
from weights.columns.column import Column
from weights.columns.places import Part
from weights.layout import from_channels_last, to_channels_last
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
    tensors.NORM_WEIGHT: "scale",
    tensors.RUNNING_MEAN: "mean",
    tensors.RUNNING_VAR: "var",
}


class Framework(Column[nnx.Module, Planned, nnx.Variable[Any]]):
    """Makes the framework's modules, reads and writes the tensors that they hold."""

    architectures = ARCHITECTURES
    facts = staticmethod(facts)
    attributes = ATTRIBUTES
    base = nnx.Module
    channels_last = True
    layer_of = staticmethod(layer_of)

    def make(self, architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        made = _abstract(architecture, config, dtype)
        seed_dropout(made, nnx.Rngs(0))
        return made

    def make_like(self, module: Any, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        made = _abstract(module.architecture, config, dtype)
        settle(made, module)
        return made

    def make_empty(self, architecture: str, config: Mapping[str, Any]) -> Any:
        return _abstract(architecture, config, np.dtype(np.float32))

    def to_canonical(self, variable: nnx.Variable[Any], spec: TensorSpec) -> np.ndarray:
        return np.array(from_channels_last(self.array_of(variable), spec))

    def to_native(
        self, array: np.ndarray, spec: TensorSpec, variable: nnx.Variable[Any]
    ) -> np.ndarray:
        return to_channels_last(array, spec)

    def parts(self, network: nnx.Module) -> Iterator[Part]:
        return parts(network, tuple(ARCHITECTURES.values()))

    def exchanged(self, network: Any, made: Mapping[int, nnx.Module]) -> Any:
        return exchanged(network, tuple(ARCHITECTURES.values()), made)

    def array_of(self, variable: nnx.Variable[Any]) -> np.ndarray:
        value = variable.get_value()
        if isinstance(value, jax.ShapeDtypeStruct):
            raise ArgumentError(
                "`module` must hold values, got an abstract one, which has shapes only: give it "
                "some with set_state or load_weights, or build it with from_file"
            )
        if isinstance(value, jax.Array) and not (
            value.is_fully_addressable or value.is_fully_replicated
        ):
            raise ArgumentError(
                "`module` must hold values of this process, got one that is spread over several: "
                "call in all of them nnx.update(module, jax.experimental.multihost_utils."
                "process_allgather(nnx.state(module), tiled=True)) first"
            )
        return np.asarray(value)

    def value_of(self, array: np.ndarray, variable: nnx.Variable[Any]) -> np.ndarray:
        # A copy of our own: JAX may keep the buffer that it is given.
        return np.array(array)

    def assign(
        self,
        module: Any,
        variables: Mapping[str, nnx.Variable[Any]],
        values: Mapping[str, Any],
        what: str,
    ) -> None:
        places = [getattr(each.get_value(), "sharding", None) for each in variables.values()]
        # All at once, which takes half the time.
        placed = jax.device_put(list(values.values()), None if None in places else places)
        for variable, value in zip(variables.values(), placed, strict=True):
            variable.set_value(value)

    def prepare_inference(self, module: nnx.Module) -> None:
        module.eval()


def _abstract(architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> Any:
    """A module without values."""
    check_dtype("param_dtype", dtype)
    return abstract(ARCHITECTURES[architecture], config, dtype)


FRAMEWORK = Framework()
build = FRAMEWORK.build
