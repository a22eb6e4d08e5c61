"""Ghost-ResNet for CIFAR: every 3x3 convolution of a ResNet is a GhostConv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.framework.options import checked_options
from ghost_jax.framework.planned import Planned, from_plan
from ghost_jax.framework.shifted import strided
from ghost_jax.ghost_conv import GhostConv
from ghost_jax.layers import activation, batch_norm, check_input, dropout, linear
from weights import GhostResNetConfig
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.resnet import FEATURES, STAGES, STEM_CHANNELS, BlockConfig


class BasicBlock(nnx.Module):
    """Two GhostConvs, each with the block's own batch normalisation, and a shortcut.

    The shortcut has no parameters (option A): it subsamples and adds zero channels.

    Shapes: x: (N, H, W, C) to (N, H', W', C').
    """

    def __init__(self, plan: GhostResNetConfig, block: BlockConfig, **options: Any) -> None:
        first, second = plan.convolutions[block.path]
        self.block = block
        self.conv1 = from_plan(GhostConv, first, **options)
        self.bn1 = _norm(plan, block.c_out, **options)
        self.conv2 = from_plan(GhostConv, second, **options)
        self.bn2 = _norm(plan, block.c_out, **options)
        self.relu = activation("relu")

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.shortcut(x))

    def shortcut(self, x: jax.Array) -> jax.Array:
        """The input with every `stride`-th row and column, and zero channels on both sides."""
        stride, extra = self.block.stride, self.block.extra_channels
        x = strided(x, (stride, stride))
        return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (extra, extra)))


class GhostResNet(Planned):
    """The Ghost-ResNet family; `GhostResNet20` and `GhostResNet56` fix its depth.

    `num_classes` 0 leaves the classifier out.

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
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        axis_name: Any = None,
        axis_index_groups: Any = None,
        rngs: nnx.Rngs,
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
        options = checked_options(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)
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

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, in_chans) to logits (N, num_classes)."""
        for _, out in self._steps(x):
            x = out
        return x

    def stages(self, x: jax.Array) -> dict[str, jax.Array]:
        """The output of every stage, from the stem to the logits."""
        return dict(self._steps(x))

    def features(self, x: jax.Array) -> dict[str, jax.Array]:
        """The three feature maps with a stride of 1, 2 and 4, from the path they stand at."""
        features = {}
        for name, out in self._steps(x):
            if name in FEATURES:
                features[name] = out
            if name == FEATURES[-1]:
                break
        return features

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

    >>> network = GhostResNet20(rngs=nnx.Rngs(0))
    >>> network.eval()
    >>> nnx.jit(GhostResNet20.__call__)(network, jnp.zeros((1, 32, 32, 3))).shape
    (1, 10)
    """

    depth = 20
    architecture = "ghost_resnet20"


class GhostResNet56(GhostResNet):
    """Ghost-ResNet of 56 layers (Han et al., CVPR 2020, section 4.1).

    >>> network = nnx.eval_shape(lambda: GhostResNet56(rngs=nnx.Rngs(0)))
    >>> sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
    442074
    """

    depth = 56
    architecture = "ghost_resnet56"


def _norm(plan: GhostResNetConfig, channels: int, **options: Any) -> Any:
    if not plan.norm:
        return activation("identity")
    return batch_norm(channels, plan.bn_eps, plan.bn_momentum, **options)


def _stage(plan: GhostResNetConfig, name: str, **options: Any) -> nnx.List[BasicBlock]:
    return nnx.List([BasicBlock(plan, block, **options) for block in plan.stage(name)])


def _classifier(plan: GhostResNetConfig, **options: Any) -> Any:
    if not plan.num_classes:
        return None
    return linear(STAGES["layer3"], plan.num_classes, **options)
