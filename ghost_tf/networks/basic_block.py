"""The basic block of Ghost-ResNet: two GhostConvs and a shortcut without parameters."""

from dataclasses import asdict
from typing import Any, Unpack

import keras

from ghost_tf.framework.data_format import pad_channels, subsample
from ghost_tf.framework.options import KerasOptions, LayerOptions, VariableOptions
from ghost_tf.ghost_conv import GhostConv
from ghost_tf.layers import activation, batch_norm
from ghost_tf.saving.composed import Composed, settle
from ghost_tf.saving.planned import from_plan
from weights import GhostResNetConfig
from weights.networks.resnet import BlockConfig


@keras.saving.register_keras_serializable("ghost_tf")
class BasicBlock(Composed, VariableOptions, keras.layers.Layer):
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
        self.bn1 = own_norm(plan, block.c_out, **self.options_inside())
        self.conv2 = from_plan(GhostConv, second, **self.options_inside())
        self.bn2 = own_norm(plan, block.c_out, **self.options_inside())
        self.relu = activation("relu")
        self._arguments = (plan, block)
        settle(self)

    def get_config(self) -> dict[str, Any]:
        """The arguments that Keras saves: the block's own, and name, dtype policy and so on."""
        plan, block = (asdict(each) for each in self._arguments)
        return {**super().get_config(), "plan": plan, "block": block}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        plan, block = GhostResNetConfig(**arguments["plan"]), BlockConfig(**arguments["block"])
        return super()._from_arguments({**arguments, "plan": plan, "block": block})

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


def own_norm(plan: GhostResNetConfig, channels: int, **options: Unpack[LayerOptions]) -> Any:
    """The batch normalisation of the network's own after a GhostConv, where it has such."""
    if not plan.norm:
        return keras.layers.Identity(dtype=options["dtype"])
    return batch_norm(channels, *plan.batch_norm, **options)
