"""Ghost-VGG-16 for CIFAR: every 3x3 convolution of a VGG is a GhostConv."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ghost_torch.framework.planned import from_plan
from ghost_torch.ghost_conv import GhostConv
from ghost_torch.layers import (
    activation,
    check_input,
    dropout,
    global_avg_pool,
    linear,
    max_pool_2x2,
    module_list,
)
from ghost_torch.networks.network import Network, classifier
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.vgg import FEATURES, GhostVGGConfig


class GhostVGG16(Network):
    """Ghost-VGG-16 (Han et al., CVPR 2020, section 4.1, table 5).

    Args:
        num_classes: outputs of the classifier; 0 leaves it out.
        ratio, dw_kernel_size, split: of the GhostConvs; "ceil" is the split of the paper.
        in_chans: channels of the images.
        stem_ratio: of the first GhostConv; None is `ratio`, 1 makes it a plain convolution.
        hidden: have the hidden linear layer, with which the counts are those of the paper's tables.
        dropout: rate before the classifier.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions), which does not train.
        device, dtype: place and type of the parameters, as for PyTorch's layers.

    Shapes: x: (N, in_chans, H, W), H and W at least 32, to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> GhostVGG16(ratio=4).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """

    architecture = "ghost_vgg16"

    def __init__(
        self,
        num_classes: int = 10,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        *,
        in_chans: int = 3,
        stem_ratio: float | None = None,
        hidden: bool = True,
        dropout: float = 0.0,
        split: Split = "ceil",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: PlainForm = "training",
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        plan = GhostVGGConfig(
            num_classes, ratio, dw_kernel_size, in_chans, stem_ratio, hidden, dropout, split,
            bn_eps, bn_momentum, form,
        )  # fmt: skip
        super().__init__(plan, device, dtype)

    def _set_up(self, plan: GhostVGGConfig, **options: Any) -> None:
        self.features = _features(plan, **options)
        self.hidden = linear(FEATURES, FEATURES, **options) if plan.hidden else None
        self.dropout = dropout(plan.dropout, **options)
        self.linear = classifier(plan, **options)
        self.relu = activation("relu")

    def _steps(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        check_input(self, x)
        for name, out in self.features.steps(x):
            yield name, out
            x = out
        x = global_avg_pool(x).flatten(1)
        if self.hidden is not None:
            x = self.relu(self.hidden(x))
            yield "hidden", x
        if self.linear is not None:
            yield "logits", self.linear(self.dropout(x))
        elif self.hidden is None:
            yield "mean", x


class Features(nn.ModuleList):
    """The convolutions of Ghost-VGG-16 by their stage; called, the feature map after each stage.

    Shapes: x: (N, in_chans, H, W), H and W at least 32.
    """

    plan: GhostVGGConfig

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the convolutions are in training."""
        return self[0][0].first_norm  # type: ignore[index]

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The five feature maps, strides 2, 4, 8, 16 and 32, from the path they stand at."""
        check_input(self, x)
        return dict(self.steps(x))

    def steps(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The feature maps one after the other, of an input that was checked."""
        for number, stage in enumerate(self):
            for convolution in stage:  # type: ignore[attr-defined]
                x = convolution(x)
            x = max_pool_2x2(x)
            yield f"features.{number}", x


def _features(plan: GhostVGGConfig, **options: Any) -> Features:
    features = Features(
        module_list(from_plan(GhostConv, convolution, **options) for convolution in stage)
        for stage in plan.stages
    )
    features.plan = plan
    return features
