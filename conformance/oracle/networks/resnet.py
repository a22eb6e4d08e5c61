"""Ghost-ResNet for CIFAR: every 3x3 convolution of a ResNet is a GhostConv."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from conformance.oracle.ghost_conv import GhostConv
from conformance.oracle.layers import activation, check_input, convolution, dropout, norm_after
from conformance.oracle.networks.basic_block import BasicBlock, own_norm
from conformance.oracle.networks.network import Network, classifier
from conformance.oracle.planned import from_plan
from weights import GhostResNetConfig
from weights.columns.planned import outputs_at
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.resnet import FEATURES, STAGES, STEM_CHANNELS


class GhostResNet(Network):
    """The Ghost-ResNet family; `GhostResNet20` and `GhostResNet56` fix its depth.

    `num_classes` 0 leaves the classifier out.

    Shapes: x: (N, in_chans, H, W) to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.
    """

    depth: int
    architecture: str

    def __init__(
        self,
        num_classes: int = 10,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        *,
        in_chans: int = 3,
        stem_ratio: float | None = None,
        norm: bool = True,
        split: Split = "round",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: PlainForm = "training",
        dropout: float = 0.0,
        plain_stem: bool = False,
        dtype: DTypeLike = np.float64,
    ) -> None:
        plan = GhostResNetConfig(
            self.depth, num_classes, ratio, dw_kernel_size, in_chans, stem_ratio, norm, split,
            bn_eps, bn_momentum, form, dropout, plain_stem,
        )  # fmt: skip
        super().__init__(plan, dtype=dtype)

    def _set_up(self, plan: GhostResNetConfig, **options: Any) -> None:
        self.conv1 = _stem(plan, **options)
        self.bn1 = _stem_norm(plan, **options)
        self.layer1 = _stage(plan, "layer1", **options)
        self.layer2 = _stage(plan, "layer2", **options)
        self.layer3 = _stage(plan, "layer3", **options)
        self.dropout = dropout(plan.dropout, **options)
        self.linear = classifier(plan, **options)
        self.relu = activation("relu")

    def features(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The three feature maps with a stride of 1, 2 and 4, from the path they stand at."""
        return outputs_at(FEATURES, self._steps(x))

    def _steps(self, x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        check_input(self, x)
        x = self.relu(self.bn1(self.conv1(x)))
        yield "stem", x
        for name in STAGES:
            for block in getattr(self, name):
                x = block(x)
            yield name, x
        x = x.mean(axis=(2, 3))
        if self.linear is None:
            yield "mean", x
        else:
            yield "logits", self.linear(self.dropout(x))


class GhostResNet20(GhostResNet):
    """Ghost-ResNet of 20 layers.

    >>> GhostResNet20()(np.zeros((1, 3, 32, 32))).shape
    (1, 10)
    """

    depth = 20
    architecture = "ghost_resnet20"


class GhostResNet56(GhostResNet):
    """Ghost-ResNet of 56 layers (Han et al., CVPR 2020, section 4.1).

    >>> len(list(GhostResNet56().plan.blocks()))
    27
    """

    depth = 56
    architecture = "ghost_resnet56"


def _stem(plan: GhostResNetConfig, **options: Any) -> Any:
    if plan.plain:
        return convolution(plan.plain, **options)
    return from_plan(GhostConv, plan.stem, **options)


def _stem_norm(plan: GhostResNetConfig, **options: Any) -> Any:
    if plan.plain:
        return norm_after(plan.plain, *plan.batch_norm, **options)
    return own_norm(plan, STEM_CHANNELS, **options)


def _stage(plan: GhostResNetConfig, name: str, **options: Any) -> list[BasicBlock]:
    return [BasicBlock(plan, block, **options) for block in plan.stage(name)]
