"""GhostNet, GhostNetV2 and GhostNetV3."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ghost_torch.bottleneck import Bottleneck, GhostBottleneck
from ghost_torch.branches import ConvNorm
from ghost_torch.framework.planned import from_plan
from ghost_torch.layers import (
    activation,
    check_input,
    convolution,
    dropout,
    global_avg_pool,
    module_list,
    norm_after,
    rematerialised,
)
from ghost_torch.networks.network import Network, classifier
from weights import checks
from weights.columns.planned import outputs_at
from weights.modules.arguments import Activation, OutputStride, Rounding, Split
from weights.modules.forms import Form
from weights.networks.ghostnet import FEATURES, BottleneckNetworkConfig, GhostNetConfig, Head


class BottleneckNetwork(Network):
    """A stem, bottlenecks, a last convolution and a head.

    Shapes: x: (N, in_chans, H, W) to logits (N, num_classes).
    """

    # The class of its blocks.
    bottleneck: type[Bottleneck]
    remat: bool

    def _set_up(self, plan: BottleneckNetworkConfig, **options: Any) -> None:
        self.conv_stem = convolution(plan.stem, **options)
        self.bn1 = norm_after(plan.stem, *plan.batch_norm, **options)
        self.blocks = _blocks(self.bottleneck, plan, **options)
        self.conv_head = convolution(plan.head_convolution, **options)
        self.bn_head = norm_after(plan.head_convolution, *plan.batch_norm, **options)
        self.dropout = dropout(plan.dropout, **options)
        self.classifier = classifier(plan, **options)
        self.relu = activation("relu")
        self.relu_head = activation("relu")

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """The five feature maps with a stride of 2, 4, 8, 16 and 32, from the path they stand at.

        The first is the stem's convolution before its batch normalisation, as in timm.
        """
        return outputs_at(FEATURES, self._steps(x))

    def _steps(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        check_input(self, x)
        x = self.conv_stem(x)
        yield "conv_stem", x
        x = self.relu(self.bn1(x))
        yield "bn1", x
        for number, stage in enumerate(self.blocks):
            for position, block in enumerate(stage):
                x = rematerialised(block, x) if self.remat else block(x)
                yield f"blocks.{number}.{position}", x
        yield from self._head(x)

    def _head(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        x = self.bn_head(self.conv_head(global_avg_pool(x)))
        x = self.relu_head(x).flatten(1)
        yield "conv_head", x
        if self.classifier is not None:
            yield "logits", self.classifier(self.dropout(x))


class GhostNet(BottleneckNetwork):
    """GhostNet (Han et al., CVPR 2020, table 1).

    Args:
        width: factor of the channels, each made divisible by 4.
        num_classes: outputs of the classifier; 0 leaves it out.
        in_chans: channels of the images.
        dropout: rate before the classifier.
        ratio, dw_kernel_size, split: of the ghost modules; "ceil" is the split of paper and timm.
        output_stride: pixels between two positions of the last maps, 8, 16 or 32: strides beyond it
            are left out, and the convolutions that come after are dilated.
        head: "bias" (a convolution with bias, timm and Huawei's PyTorch code) or "norm" (batch
            normalisation, d-li14 and Huawei's TensorFlow code).
        se_rounding, shortcut_kernel_size, shortcut_activation: of the blocks, as in
            `GhostBottleneck`.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions) and, where there are branches, "deployed" (these merged alone). Only the
            first trains.
        device, dtype: place and type of the parameters, as for PyTorch's layers.
        remat: compute the blocks again in the backward pass: less memory, more time.

    Shapes: x: (N, in_chans, H, W) to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> network = GhostNet(0.5, num_classes=10).eval()
    >>> network(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 10])
    >>> [tuple(feature.shape) for feature in network.features(torch.zeros(1, 3, 64, 64)).values()]
    [(1, 8, 32, 32), (1, 12, 16, 16), (1, 20, 8, 8), (1, 40, 4, 4), (1, 80, 2, 2)]
    """

    version = 1
    architecture = "ghostnet"
    bottleneck = GhostBottleneck

    def __init__(
        self,
        width: float = 1.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        dropout: float = 0.2,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        *,
        output_stride: OutputStride = 32,
        split: Split = "ceil",
        head: Head = "bias",
        se_rounding: Rounding = "divisible",
        shortcut_kernel_size: int = 0,
        shortcut_activation: Activation = "identity",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: Form = "training",
        remat: bool = False,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        plan = GhostNetConfig(
            self.version, width, num_classes, in_chans, dropout, ratio, dw_kernel_size, split, head,
            se_rounding, shortcut_kernel_size, shortcut_activation, bn_eps, bn_momentum, form,
            output_stride,
        )  # fmt: skip
        super().__init__(plan, device, dtype)
        self.remat = checks.boolean("remat", remat)


class GhostNetV2(GhostNet):
    """GhostNetV2 (Tang et al., NeurIPS 2022): GhostNet with DFC attention from the third block on.

    Args: those of `GhostNet`.

    Shapes: x: (N, in_chans, H, W), H and W at least 33, to logits (N, num_classes).

    >>> GhostNetV2(1.6).plan.macs(224, 224)
    398607224
    """

    version = 2
    architecture = "ghostnetv2"


class GhostNetV3(GhostNet):
    """GhostNetV3 (Liu et al., 2024): GhostNetV2 trained in branches that `deploy` merges.

    Args: those of `GhostNet`; `form` may be "deployed" too.

    Shapes: x: (N, in_chans, H, W), H and W at least 33, to logits (N, num_classes).

    >>> [GhostNetV3(form=form).plan.macs(224, 224) for form in ("training", "deployed")]
    [404128320, 167048288]
    """

    version = 3
    architecture = "ghostnetv3"


def _blocks(kind: type[Bottleneck], plan: BottleneckNetworkConfig, **options: Any) -> Any:
    stages = [
        module_list(from_plan(kind, block, **options) for block in stage) for stage in plan.stages
    ]
    last = ConvNorm(plan.last, *plan.batch_norm, "relu", **options)
    return module_list([*stages, module_list([last])])
