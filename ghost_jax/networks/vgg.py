"""Ghost-VGG-16 for CIFAR: every 3x3 convolution of a VGG is a GhostConv."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax.framework.planned import from_plan
from ghost_jax.ghost_conv import GhostConv
from ghost_jax.layers import (
    activation,
    check_input,
    dropout,
    global_avg_pool,
    linear,
    max_pool_2x2,
    module_list,
)
from ghost_jax.networks.network import Network, classifier
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
        dtype, param_dtype: type of the computation (None: the parameters'), and of the parameters.
        axis_name, axis_index_groups: the devices that share batch statistics, as for
            `nnx.BatchNorm`.
        rngs: draws the parameters, and dropout where there is any.

    Shapes: x: (N, H, W, in_chans), H and W at least 32, to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> network = nnx.eval_shape(lambda: GhostVGG16(ratio=4, rngs=nnx.Rngs(0)))
    >>> network.config["ratio"]
    4
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
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        axis_name: str | None = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = GhostVGGConfig(
            num_classes, ratio, dw_kernel_size, in_chans, stem_ratio, hidden, dropout, split,
            bn_eps, bn_momentum, form,
        )  # fmt: skip
        super().__init__(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)

    def _set_up(self, plan: GhostVGGConfig, **options: Any) -> None:
        self.features = _features(plan, **options)
        self.hidden = linear(FEATURES, FEATURES, **options) if plan.hidden else None
        self.dropout = dropout(plan.dropout, **options)
        self.linear = classifier(plan, **options)
        self.relu = activation("relu")

    def _steps(self, x: jax.Array) -> Iterator[tuple[str, jax.Array]]:
        check_input(self, x)
        for name, out in self.features.steps(x):
            yield name, out
            x = out
        x = global_avg_pool(x).reshape(x.shape[0], -1)
        if self.hidden is not None:
            x = self.relu(self.hidden(x))
            yield "hidden", x
        if self.linear is not None:
            yield "logits", self.linear(self.dropout(x))
        elif self.hidden is None:
            yield "mean", x


class Features(nnx.List[Any]):
    """The convolutions of Ghost-VGG-16 by their stage; called, the feature map after each stage.

    Shapes: x: (N, H, W, in_chans), H and W at least 32.
    """

    plan: GhostVGGConfig

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the convolutions are in training."""
        return self[0][0].first_norm

    def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
        """The five feature maps, strides 2, 4, 8, 16 and 32, from the path they stand at."""
        check_input(self, x)
        return dict(self.steps(x))

    def steps(self, x: jax.Array) -> Iterator[tuple[str, jax.Array]]:
        """The feature maps one after the other, of an input that was checked."""
        for number, stage in enumerate(self):
            for convolution in stage:
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
