"""Ghost-ResNet for CIFAR: every 3x3 convolution of a ResNet is a GhostConv."""

from collections.abc import Iterator
from typing import Any, Unpack

import keras
from keras import ops

from ghost_tf.framework.data_format import DataFormat, spatial_axes
from ghost_tf.framework.options import KerasOptions
from ghost_tf.ghost_conv import GhostConv
from ghost_tf.layers import activation, convolution, dropout, norm_after
from ghost_tf.networks.basic_block import BasicBlock, own_norm
from ghost_tf.networks.network import Network, classifier
from ghost_tf.saving.planned import from_plan
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
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

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
        plain_stem: bool = False,
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = GhostResNetConfig(
            self.depth, num_classes, ratio, dw_kernel_size, in_chans, stem_ratio, norm, split,
            bn_eps, bn_momentum, form, dropout, plain_stem,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)

    def _set_up(self, plan: GhostResNetConfig, **options: Any) -> None:
        self.conv1 = _stem(plan, **options)
        self.bn1 = _stem_norm(plan, **options)
        self.layer1 = _stage(plan, "layer1", **options)
        self.layer2 = _stage(plan, "layer2", **options)
        self.layer3 = _stage(plan, "layer3", **options)
        self.dropout = dropout(plan.dropout, **options)
        self.linear = classifier(plan, **options)
        self.relu = activation("relu")

    def features(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The three feature maps with a stride of 1, 2 and 4, from the path they stand at."""
        return outputs_at(FEATURES, self._steps(x, training))

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

    Args: those of `GhostResNet`.

    >>> tuple(GhostResNet20()(ops.zeros((1, 32, 32, 3))).shape)
    (1, 10)
    """

    depth = 20
    architecture = "ghost_resnet20"


@keras.saving.register_keras_serializable("ghost_tf")
class GhostResNet56(GhostResNet):
    """Ghost-ResNet of 56 layers (Han et al., CVPR 2020, section 4.1).

    Args: those of `GhostResNet`.

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
