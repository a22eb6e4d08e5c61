"""Weights in and out: canonical names and layouts, strict, all or nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.oracle.attention import SqueezeExcite
from conformance.oracle.bottleneck import GhostBottleneck
from conformance.oracle.facts import facts
from conformance.oracle.ghost_conv import GhostConv, GhostConvV2
from conformance.oracle.ghost_conv_v3 import GhostConvV3
from conformance.oracle.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from conformance.oracle.networks.repghostnet import RepGhostNet
from conformance.oracle.networks.resnet import GhostResNet20, GhostResNet56
from conformance.oracle.networks.vgg import GhostVGG16
from conformance.oracle.rep_ghost import RepGhostBottleneck, RepGhostConv
from conformance.oracle.yolo import C3Ghost
from weights.columns.backend import by_architecture
from weights.columns.column import Column
from weights.tensors import TensorSpec

ARCHITECTURES = by_architecture(
    GhostConv, GhostConvV2, GhostConvV3, SqueezeExcite, GhostBottleneck, RepGhostConv,
    RepGhostBottleneck, C3Ghost, GhostNet, GhostNetV2, GhostNetV3, RepGhostNet, GhostResNet20,
    GhostResNet56, GhostVGG16,
)  # fmt: skip


class Framework(Column[Any, Any, np.ndarray]):
    """Makes the framework's modules, reads and writes the tensors that they hold."""

    architectures = ARCHITECTURES
    facts = staticmethod(facts)

    def make(self, architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        return ARCHITECTURES[architecture](**config, dtype=dtype)

    def to_canonical(self, variable: np.ndarray, spec: TensorSpec) -> np.ndarray:
        return variable.copy()

    def to_native(self, array: np.ndarray, spec: TensorSpec, variable: np.ndarray) -> np.ndarray:
        return array

    def assign(
        self, module: Any, variables: Mapping[str, np.ndarray], values: Mapping[str, Any], what: str
    ) -> None:
        for name, variable in variables.items():
            variable[...] = values[name]


FRAMEWORK = Framework()
build = FRAMEWORK.build
