"""The two attentions of the family: squeeze-and-excitation, and DFC attention (GhostNetV2)."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from conformance.oracle.layers import (
    activation,
    avg_pool_2x2,
    check_input,
    conv_norms,
    convolution,
    global_avg_pool,
    hard_sigmoid,
    resize_like,
    sigmoid,
)
from conformance.oracle.planned import Planned
from weights.modules.arguments import Rounding
from weights.modules.attention import AttentionPlan, SqueezeExciteConfig


class SqueezeExcite(Planned):
    """Squeeze-and-excitation (Hu et al., CVPR 2018) with the gate relu6(x + 3) / 6.

    Args:
        channels: of input and output.
        se_ratio: channels between the two convolutions, as a share of `channels`.
        rounding: of those channels: "divisible" (to a multiple of 4, as GhostNet's PyTorch code) or
            "floor" (as its TensorFlow code).
        dtype: type of the parameters.

    Shapes: x: (N, channels, H, W), the same out.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> SqueezeExcite(16)(np.zeros((1, 16, 7, 7))).shape
    (1, 16, 7, 7)
    """

    architecture = "squeeze_excite"

    def __init__(
        self,
        channels: int,
        se_ratio: float = 0.25,
        rounding: Rounding = "divisible",
        *,
        dtype: DTypeLike = np.float64,
    ) -> None:
        plan = SqueezeExciteConfig(channels, se_ratio, rounding)
        super().__init__(plan, dtype=dtype)

    def _set_up(self, plan: SqueezeExciteConfig, **options: Any) -> None:
        self.conv_reduce = convolution(plan.reduce, **options)
        self.conv_expand = convolution(plan.expand, **options)
        self.relu = activation("relu")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, channels, H, W), the same out."""
        check_input(self, x)
        squeezed = self.relu(self.conv_reduce(global_avg_pool(x)))
        return x * hard_sigmoid(self.conv_expand(squeezed))


def short_conv(plan: AttentionPlan | None, eps: float, momentum: float, **options: Any) -> Any:
    """The layers of DFC attention: three convolutions, each with batch normalisation."""
    return conv_norms(plan.convolutions, eps, momentum, **options) if plan else None


def dfc_gate(layers: Any, x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The gate of DFC attention: seen at half size, spread to the height and width of `out`."""
    x = avg_pool_2x2(x)
    for conv, norm in zip(layers[::2], layers[1::2], strict=True):
        x = norm(conv(x))
    return resize_like(sigmoid(x), out)
