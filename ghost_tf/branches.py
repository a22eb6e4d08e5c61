"""The parallel branches that GhostNetV3 trains in place of one convolution."""

from dataclasses import asdict
from typing import Any, Unpack

import keras

from ghost_tf.framework.keras_layers import convolution_plan
from ghost_tf.framework.options import KerasOptions, VariableOptions
from ghost_tf.layers import activation, batch_norm, convolution, module_list, norm_after
from ghost_tf.saving.composed import Composed, settle
from weights.modules.convolutions import BranchesPlan, ConvolutionPlan


@keras.saving.register_keras_serializable("ghost_tf")
class ConvNorm(Composed, VariableOptions, keras.layers.Layer):
    """Convolution and batch normalisation, under the names of timm's `ConvBnAct`."""

    def __init__(
        self, plan: ConvolutionPlan, eps: float, momentum: float, act: str = "identity",
        *, data_format: str, **options: Unpack[KerasOptions],
    ) -> None:  # fmt: skip
        super().__init__(**options)
        self.data_format = data_format
        self.conv = convolution(plan, **self.options_inside())
        self.bn1 = norm_after(plan, eps, momentum, **self.options_inside())
        self.act = activation(act)
        self._arguments = (plan, eps, momentum, act)
        settle(self)

    def get_config(self) -> dict[str, Any]:
        """The layer's own arguments and Keras' (name, dtype policy, ...), for saving."""
        plan, eps, momentum, act = self._arguments
        own = {"plan": asdict(plan), "eps": eps, "momentum": momentum, "act": act}
        return {**super().get_config(), **own}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        return super()._from_arguments({**arguments, "plan": convolution_plan(arguments["plan"])})

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        return self.act(self.bn1(self.conv(x), training=training))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        return self.conv.compute_output_shape(input_shape)


def add_branches(
    module: Any, plan: BranchesPlan, eps: float, momentum: float, **options: Any
) -> None:
    """Give `module` the branches, under timm's names."""
    norm = (eps, momentum)
    copies = [ConvNorm(plan.convolution, *norm, **options) for _ in range(plan.count)]
    scale = ConvNorm(plan.scale, *norm, **options) if plan.scale else None
    skip = batch_norm(plan.skip, *norm, **options) if plan.skip else None
    setattr(module, f"{plan.name}_rpr_conv", module_list(copies))
    setattr(module, f"{plan.name}_rpr_scale", scale)
    setattr(module, f"{plan.name}_rpr_skip", skip)
