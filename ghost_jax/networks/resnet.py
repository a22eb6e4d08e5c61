"""Ghost-ResNet for CIFAR: every 3x3 convolution of a ResNet is a GhostConv."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax.framework.planned import from_plan
from ghost_jax.ghost_conv import GhostConv
from ghost_jax.layers import activation, check_input, convolution, dropout, norm_after
from ghost_jax.networks.basic_block import BasicBlock, own_norm
from ghost_jax.networks.network import Network, classifier
from weights import GhostResNetConfig
from weights.columns.planned import outputs_at
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.resnet import FEATURES, STAGES, STEM_CHANNELS


class GhostResNet(Network):
    """The Ghost-ResNet family; `GhostResNet20` and `GhostResNet56` fix its depth.

    Args:
        num_classes: outputs of the classifier; 0 leaves it out.
        ratio, dw_kernel_size, split: of the GhostConvs.
        in_chans: channels of the images.
        stem_ratio: of the first GhostConv; None is `ratio`, 1 makes it a plain convolution.
        norm: put a batch normalisation after every GhostConv; without it the second one of a block
            is linear, as in `GhostBottleneck`.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions), which does not train.
        dropout: rate before the classifier.
        plain_stem: make the first convolution a plain one, without a batch normalisation of its own
            beside the network's.
        dtype, param_dtype: type of the computation (None: the parameters'), and of the parameters.
        axis_name, axis_index_groups: the devices that share batch statistics, as for
            `nnx.BatchNorm`.
        rngs: draws the parameters, and dropout where there is any.

    Shapes: x: (N, H, W, in_chans) to logits (N, num_classes).

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
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        axis_name: str | None = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = GhostResNetConfig(
            self.depth, num_classes, ratio, dw_kernel_size, in_chans, stem_ratio, norm, split,
            bn_eps, bn_momentum, form, dropout, plain_stem,
        )  # fmt: skip
        super().__init__(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)

    def _set_up(self, plan: GhostResNetConfig, **options: Any) -> None:
        self.conv1 = _stem(plan, **options)
        self.bn1 = _stem_norm(plan, **options)
        self.layer1 = _stage(plan, "layer1", **options)
        self.layer2 = _stage(plan, "layer2", **options)
        self.layer3 = _stage(plan, "layer3", **options)
        self.dropout = dropout(plan.dropout, **options)
        self.linear = classifier(plan, **options)
        self.relu = activation("relu")

    def features(self, x: jax.Array) -> dict[str, jax.Array]:
        """The three feature maps with a stride of 1, 2 and 4, from the path they stand at."""
        return outputs_at(FEATURES, self._steps(x))

    def _steps(self, x: jax.Array) -> Iterator[tuple[str, jax.Array]]:
        check_input(self, x)
        x = self.relu(self.bn1(self.conv1(x)))
        yield "stem", x
        for name in STAGES:
            for block in getattr(self, name):
                x = block(x)
            yield name, x
        x = x.mean(axis=(1, 2))
        if self.linear is None:
            yield "mean", x
        else:
            yield "logits", self.linear(self.dropout(x))


class GhostResNet20(GhostResNet):
    """Ghost-ResNet of 20 layers.

    Args: those of `GhostResNet`.

    >>> network = GhostResNet20(rngs=nnx.Rngs(0))
    >>> network.eval()
    >>> nnx.jit(GhostResNet20.__call__)(network, jnp.zeros((1, 32, 32, 3))).shape
    (1, 10)
    """

    depth = 20
    architecture = "ghost_resnet20"


class GhostResNet56(GhostResNet):
    """Ghost-ResNet of 56 layers (Han et al., CVPR 2020, section 4.1).

    Args: those of `GhostResNet`.

    >>> network = nnx.eval_shape(lambda: GhostResNet56(rngs=nnx.Rngs(0)))
    >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
    442074
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


def _stage(plan: GhostResNetConfig, name: str, **options: Any) -> nnx.List[BasicBlock]:
    return nnx.List([BasicBlock(plan, block, **options) for block in plan.stage(name)])
