"""RepGhostNet."""

from typing import Unpack

import keras

from ghost_tf.framework.data_format import DataFormat
from ghost_tf.framework.options import KerasOptions
from ghost_tf.networks.ghostnet import BottleneckNetwork
from ghost_tf.rep_ghost import RepGhostBottleneck
from weights.modules.arguments import OutputStride
from weights.modules.forms import Form
from weights.networks.repghostnet import RepGhostNetConfig


@keras.saving.register_keras_serializable("ghost_tf")
class RepGhostNet(BottleneckNetwork):
    """RepGhostNet (Chen et al., 2022, "RepGhost").

    Args:
        width: factor of the channels, each made divisible by 4.
        num_classes: outputs of the classifier; 0 leaves it out.
        in_chans: channels of the images.
        dropout: rate before the classifier.
        dw_kernel_size: of the cheap convolutions; odd.
        output_stride: as in `GhostNet`.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "deployed" (the branches merged, as timm does) or "folded"
            (every batch normalisation too), which do not train.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, in_chans) to logits (N, num_classes), or channels first.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> network = RepGhostNet(0.5, num_classes=10)
    >>> tuple(network(ops.zeros((1, 64, 64, 3))).shape)
    (1, 10)
    """

    architecture = "repghostnet"
    bottleneck = RepGhostBottleneck

    def __init__(
        self,
        width: float = 1.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        dropout: float = 0.2,
        dw_kernel_size: int = 3,
        *,
        output_stride: OutputStride = 32,
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: Form = "training",
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = RepGhostNetConfig(
            width, num_classes, in_chans, dropout, dw_kernel_size, bn_eps, bn_momentum, form,
            output_stride,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)
