"""Ghost-ResNet for CIFAR: every 3x3 convolution of a ResNet is a GhostConv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.oracle.ghost_conv import GhostConv
from conformance.oracle.layers import activation, batch_norm, check_input, dropout, linear
from conformance.oracle.planned import Planned, from_plan
from weights import GhostResNetConfig
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.resnet import FEATURES, STAGES, STEM_CHANNELS, BlockConfig


class BasicBlock:
    """Two GhostConvs, each with the block's own batch normalisation, and a shortcut.

    The shortcut has no parameters (option A): it subsamples and adds zero channels.

    Shapes: x: (N, C, H, W) to (N, C', H', W').
    """

    def __init__(self, plan: GhostResNetConfig, block: BlockConfig, **options: Any) -> None:
        first, second = plan.convolutions[block.path]
        self.block = block
        self.conv1 = from_plan(GhostConv, first, **options)
        self.bn1 = _norm(plan, block.c_out, **options)
        self.conv2 = from_plan(GhostConv, second, **options)
        self.bn2 = _norm(plan, block.c_out, **options)
        self.relu = activation("relu")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.shortcut(x))

    def shortcut(self, x: np.ndarray) -> np.ndarray:
        """The input with every `stride`-th row and column, and zero channels on both sides."""
        stride, extra = self.block.stride, self.block.extra_channels
        x = x[:, :, ::stride, ::stride]
        return np.pad(x, ((0, 0), (extra, extra), (0, 0), (0, 0)))


class GhostResNet(Planned):
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
        dtype: Any = np.float64,
    ) -> None:
        plan = GhostResNetConfig(
            self.depth,
            num_classes,
            ratio,
            dw_kernel_size,
            in_chans,
            stem_ratio,
            norm,
            split,
            bn_eps,
            bn_momentum,
            form,
            dropout,
        )
        options = {"dtype": dtype}
        self._set_up(plan, **options)

    def _set_up(self, plan: GhostResNetConfig, **options: Any) -> None:
        self.plan = plan
        self.conv1 = from_plan(GhostConv, plan.stem, **options)
        self.bn1 = _norm(plan, STEM_CHANNELS, **options)
        self.layer1 = _stage(plan, "layer1", **options)
        self.layer2 = _stage(plan, "layer2", **options)
        self.layer3 = _stage(plan, "layer3", **options)
        self.dropout = dropout(plan.dropout, **options)
        self.linear = _classifier(plan, **options)
        self.relu = activation("relu")

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the network is in training."""
        return self.conv1.first_norm

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, in_chans, H, W) to logits (N, num_classes)."""
        for _, out in self._steps(x):
            x = out
        return x

    def stages(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage, from the stem to the logits."""
        return dict(self._steps(x))

    def features(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The three feature maps with a stride of 1, 2 and 4, from the path they stand at."""
        features = {}
        for name, out in self._steps(x):
            if name in FEATURES:
                features[name] = out
            if name == FEATURES[-1]:
                break
        return features

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


def _norm(plan: GhostResNetConfig, channels: int, **options: Any) -> Any:
    if not plan.norm:
        return activation("identity")
    return batch_norm(channels, plan.bn_eps, plan.bn_momentum, **options)


def _stage(plan: GhostResNetConfig, name: str, **options: Any) -> list[BasicBlock]:
    return [BasicBlock(plan, block, **options) for block in plan.stage(name)]


def _classifier(plan: GhostResNetConfig, **options: Any) -> Any:
    if not plan.num_classes:
        return None
    return linear(STAGES["layer3"], plan.num_classes, **options)
