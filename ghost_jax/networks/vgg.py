"""Ghost-VGG-16 for CIFAR: every 3x3 convolution of a VGG is a GhostConv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.framework.options import checked_options
from ghost_jax.framework.planned import Planned, from_plan
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
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.vgg import FEATURES, GhostVGGConfig


class GhostVGG16(Planned):
    """Ghost-VGG-16 (Han et al., CVPR 2020, section 4.1, table 5).

    `stem_ratio` is the ratio of the first convolution (1 makes it a plain one), `hidden` False
    leaves the hidden linear layer out, `num_classes` 0 the classifier.

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
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        axis_name: Any = None,
        axis_index_groups: Any = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = GhostVGGConfig(
            num_classes,
            ratio,
            dw_kernel_size,
            in_chans,
            stem_ratio,
            hidden,
            dropout,
            split,
            bn_eps,
            bn_momentum,
            form,
        )
        options = checked_options(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)
        self._set_up(plan, **options)

    def _set_up(self, plan: GhostVGGConfig, **options: Any) -> None:
        self.plan = plan
        self.features = _features(plan, **options)
        self.hidden = linear(FEATURES, FEATURES, **options) if plan.hidden else None
        self.dropout = dropout(plan.dropout, **options)
        self.linear = _classifier(plan, **options)
        self.relu = activation("relu")

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the network is in training."""
        return self.features.first_norm

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, in_chans) to logits (N, num_classes)."""
        for _, out in self._steps(x):
            x = out
        return x

    def stages(self, x: jax.Array) -> dict[str, jax.Array]:
        """The output of every stage, from the first convolutions to the logits."""
        return dict(self._steps(x))

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


def _classifier(plan: GhostVGGConfig, **options: Any) -> Any:
    return linear(FEATURES, plan.num_classes, **options) if plan.num_classes else None
