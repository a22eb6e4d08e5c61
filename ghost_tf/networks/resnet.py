"""Ghost-ResNet for CIFAR: every 3x3 convolution of a ResNet is a GhostConv."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Unpack

import keras
from keras import ops

from ghost_tf.framework.choices import Chosen, KerasOptions
from ghost_tf.framework.data_format import (
    checked_data_format,
    pad_channels,
    spatial_axes,
    subsample,
)
from ghost_tf.ghost_conv import GhostConv
from ghost_tf.layers import activation, batch_norm, canonical_shape, dropout, linear
from ghost_tf.saving.composed import Composed, settle
from ghost_tf.saving.planned import Planned, build_in_turn, from_plan
from weights import GhostResNetConfig
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.resnet import FEATURES, STAGES, STEM_CHANNELS, BlockConfig


@keras.saving.register_keras_serializable("ghost_tf")
class BasicBlock(Composed, Chosen, keras.layers.Layer):
    """Two GhostConvs, each with the block's own batch normalisation, and a shortcut.

    The shortcut has no parameters (option A): it subsamples and adds zero channels.

    Shapes: x: (N, H, W, C) to (N, H', W', C'), or channels first.
    """

    def __init__(
        self,
        plan: GhostResNetConfig,
        block: BlockConfig,
        *,
        data_format: str,
        **options: Unpack[KerasOptions],
    ) -> None:
        super().__init__(**options)
        self.data_format = data_format
        first, second = plan.convolutions[block.path]
        self.block = block
        self.conv1 = from_plan(GhostConv, first, **self.options_inside())
        self.bn1 = _norm(plan, block.c_out, **self.options_inside())
        self.conv2 = from_plan(GhostConv, second, **self.options_inside())
        self.bn2 = _norm(plan, block.c_out, **self.options_inside())
        self.relu = activation("relu")
        self._arguments = (plan, block)
        settle(self)

    def get_config(self) -> dict[str, Any]:
        """What Keras saves: the block's own arguments and Keras' (name, dtype policy, ...)."""
        plan, block = (asdict(each) for each in self._arguments)
        return {**super().get_config(), "plan": plan, "block": block}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        plan, block = GhostResNetConfig(**arguments["plan"]), BlockConfig(**arguments["block"])
        return super()._from_arguments({**arguments, "plan": plan, "block": block})

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the variables."""
        build_in_turn([self.conv1, self.bn1, self.conv2, self.bn2], input_shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, C) to (N, H', W', C'), or channels first."""
        out = self.relu(self.bn1(self.conv1(x, training=training), training=training))
        out = self.bn2(self.conv2(out, training=training), training=training)
        return self.relu(out + self.shortcut(x))

    def shortcut(self, x: Any) -> Any:
        """The input with every `stride`-th row and column, and zero channels on both sides."""
        stride, extra = self.block.stride, self.block.extra_channels
        x = subsample(x, (stride, stride), self.data_format)
        return pad_channels(x, extra, self.data_format)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        return self.conv1.compute_output_shape(input_shape)


class GhostResNet(Planned, keras.Model):
    """The Ghost-ResNet family; `GhostResNet20` and `GhostResNet56` fix its depth.

    `num_classes` 0 leaves the classifier out.

    Shapes: x: (N, H, W, in_chans), or channels first, to logits (N, num_classes).

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
        data_format: str | None = None,
        **keras_options: Unpack[KerasOptions],
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
        super().__init__(**keras_options)
        self.data_format = checked_data_format(data_format)
        options = self.options_inside()
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
        settle(self)

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the network is in training."""
        return self.conv1.first_norm

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the variables."""
        self.plan.check_input(canonical_shape(input_shape, self.data_format), "float32")
        blocks = (*self.layer1, *self.layer2, *self.layer3)
        batch, *_ = build_in_turn([self.conv1, self.bn1, *blocks], input_shape)
        if self.linear is not None:
            self.linear.build((batch, STAGES["layer3"]))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, in_chans), or channels first, to logits (N, num_classes)."""
        for _, out in self._steps(x, training):
            x = out
        return x

    def stages(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The output of every stage, from the stem to the logits."""
        return dict(self._steps(x, training))

    def features(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The three feature maps with a stride of 1, 2 and 4, from the path they stand at."""
        features = {}
        for name, out in self._steps(x, training):
            if name in FEATURES:
                features[name] = out
            if name == FEATURES[-1]:
                break
        return features

    def _steps(self, x: Any, training: bool | None) -> Iterator[tuple[str, Any]]:
        self._check_input(x, training)
        if not self.built:
            self.build(x.shape)
        out = self.conv1(x, training=training)
        x = self.relu(self.bn1(out, training=training))
        yield "stem", x
        for name in STAGES:
            for block in getattr(self, name):
                x = block(x, training=training)
            yield name, x
        x = ops.mean(x, axis=spatial_axes(self.data_format))
        if self.linear is None:
            yield "mean", x
        else:
            yield "logits", self.linear(self.dropout(x, training=training))


@keras.saving.register_keras_serializable("ghost_tf")
class GhostResNet20(GhostResNet):
    """Ghost-ResNet of 20 layers.

    >>> tuple(GhostResNet20()(ops.zeros((1, 32, 32, 3))).shape)
    (1, 10)
    """

    depth = 20
    architecture = "ghost_resnet20"


@keras.saving.register_keras_serializable("ghost_tf")
class GhostResNet56(GhostResNet):
    """Ghost-ResNet of 56 layers (Han et al., CVPR 2020, section 4.1).

    >>> len(list(GhostResNet56().plan.blocks()))
    27
    """

    depth = 56
    architecture = "ghost_resnet56"


def _norm(plan: GhostResNetConfig, channels: int, **options: Any) -> Any:
    if not plan.norm:
        return keras.layers.Identity(dtype=options["dtype"])
    return batch_norm(channels, plan.bn_eps, plan.bn_momentum, **options)


def _stage(plan: GhostResNetConfig, name: str, **options: Any) -> list[BasicBlock]:
    return [BasicBlock(plan, block, **options) for block in plan.stage(name)]


def _classifier(plan: GhostResNetConfig, **options: Any) -> Any:
    if not plan.num_classes:
        return None
    return linear(STAGES["layer3"], plan.num_classes, **options)
