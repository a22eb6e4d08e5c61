"""Ghost-VGG-16 for CIFAR: every 3x3 convolution of a VGG is a GhostConv."""

from collections.abc import Iterator
from typing import Any, Unpack

import keras
from keras import ops

from ghost_tf.framework.data_format import DataFormat
from ghost_tf.framework.options import KerasOptions
from ghost_tf.ghost_conv import GhostConv
from ghost_tf.layers import activation, dropout, global_avg_pool, linear, max_pool_2x2, module_list
from ghost_tf.networks.network import Network, classifier
from ghost_tf.saving.planned import from_plan
from weights.modules.arguments import Split
from weights.modules.forms import PlainForm
from weights.networks.vgg import FEATURES, GhostVGGConfig


@keras.saving.register_keras_serializable("ghost_tf")
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
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, in_chans), H and W at least 32, to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> tuple(GhostVGG16(ratio=4)(ops.zeros((1, 32, 32, 3))).shape)
    (1, 10)
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
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = GhostVGGConfig(
            num_classes, ratio, dw_kernel_size, in_chans, stem_ratio, hidden, dropout, split,
            bn_eps, bn_momentum, form,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)

    def _set_up(self, plan: GhostVGGConfig, **options: Any) -> None:
        self.features = _features(plan, **options)
        object.__setattr__(self, "features", _callable(self))
        self.hidden = linear(FEATURES, FEATURES, **options) if plan.hidden else None
        self.dropout = dropout(plan.dropout, **options)
        self.linear = classifier(plan, **options)
        self.relu = activation("relu")

    def _steps(self, x: Any, training: bool | None) -> Iterator[tuple[str, Any]]:
        self._check_input(x, training)
        if not self.built:
            self.build(x.shape)
        for name, out in self.features.steps(x, training):
            yield name, out
            x = out
        x = ops.reshape(global_avg_pool(x, self.data_format), (-1, FEATURES))
        if self.hidden is not None:
            x = self.relu(self.hidden(x))
            yield "hidden", x
        if self.linear is not None:
            yield "logits", self.linear(self.dropout(x, training=training))
        elif self.hidden is None:
            yield "mean", x


class Features(list[Any]):
    """The convolutions of Ghost-VGG-16 by their stage; called, the feature map after each stage.

    Shapes: x: (N, H, W, in_chans), H and W at least 32.
    """

    network: GhostVGG16

    def __call__(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The five feature maps, strides 2, 4, 8, 16 and 32, from the path they stand at."""
        self.network._check_input(x, training)
        if not self.network.built:
            self.network.build(x.shape)
        return dict(self.steps(x, training))

    def steps(self, x: Any, training: bool | None = None) -> Iterator[tuple[str, Any]]:
        """The feature maps one after the other, of an input that was checked."""
        for number, stage in enumerate(self):
            for convolution in stage:
                x = convolution(x, training=training)
            x = max_pool_2x2(x, convolution.data_format)
            yield f"features.{number}", x


def _features(plan: GhostVGGConfig, **options: Any) -> Features:
    return Features(
        module_list(from_plan(GhostConv, convolution, **options) for convolution in stage)
        for stage in plan.stages
    )


def _callable(network: GhostVGG16) -> Features:
    """The convolutions of the network, of which Keras made a list of its own."""
    features = Features(network.features)
    features.network = network
    return features
