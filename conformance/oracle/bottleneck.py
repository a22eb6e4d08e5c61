"""GhostBottleneck: two ghost modules and what stands between them."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from conformance.oracle.attention import SqueezeExcite
from conformance.oracle.branches import add_branches
from conformance.oracle.ghost_conv import GhostConv, GhostConvV2
from conformance.oracle.ghost_conv_v3 import GhostConvV3
from conformance.oracle.layers import activation, check_input, conv_norms, convolution, norm_after
from conformance.oracle.planned import Planned, from_plan
from weights.columns.planned import by_configuration, sum_branches
from weights.modules.arguments import Activation, Rounding, Split
from weights.modules.bottleneck import BottleneckConfig, GhostBottleneckConfig
from weights.modules.forms import Form


class Bottleneck(Planned):
    """Two ghost modules, a strided convolution, squeeze-and-excitation and a shortcut.

    Shapes: x: (N, c_in, H, W) to (N, c_out, H', W').
    """

    # The ghost module of each configuration.
    ghosts: dict[type, type[Any]]

    def _set_up(self, plan: BottleneckConfig, **options: Any) -> None:
        norm = plan.batch_norm
        self.ghost1 = from_plan(self.ghosts[type(plan.ghost1)], plan.ghost1, **options)
        self.conv_dw = convolution(plan.strided, **options) if plan.strided else None
        self.bn_dw = norm_after(plan.strided, *norm, **options) if plan.strided else None
        if plan.strided_branches:
            add_branches(self, plan.strided_branches, *norm, **options)
        se = plan.squeeze_excite
        self.se = from_plan(SqueezeExcite, se, **options) if se else None
        self.ghost2 = from_plan(self.ghosts[type(plan.ghost2)], plan.ghost2, **options)
        self.shortcut = conv_norms(plan.shortcut, *norm, **options) if plan.shortcut else None
        self.shortcut_act = activation(plan.shortcut_activation)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, c_in, H, W) to (N, c_out, H', W')."""
        check_input(self, x)
        out = self._strided(self.ghost1(x))
        if self.se is not None:
            out = self.se(out)
        return self.ghost2(out) + self._shortcut(x)

    def _strided(self, x: np.ndarray) -> np.ndarray:
        if self.plan.strided_branches:
            return sum_branches(self, self.plan.strided_branches, x)
        if self.conv_dw is None or self.bn_dw is None:
            return x
        return self.bn_dw(self.conv_dw(x))

    def _shortcut(self, x: np.ndarray) -> np.ndarray:
        if self.shortcut is None:
            return x
        depthwise, norm, pointwise, last_norm = self.shortcut
        x = self.shortcut_act(norm(depthwise(x)))
        return last_norm(pointwise(x))


class GhostBottleneck(Bottleneck):
    """The block of GhostNet (Han et al., CVPR 2020, "GhostNet", section 3.2).

    With `attention` it is the block of GhostNetV2, with `branches` that of GhostNetV3.

    Shapes: x: (N, c_in, H, W) to (N, c_out, H', W').

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> block = GhostBottleneck(16, 48, 24, stride=2, se_ratio=0.25)
    >>> block(np.zeros((1, 16, 14, 14))).shape
    (1, 24, 7, 7)
    """

    architecture = "ghost_bottleneck"
    ghosts = by_configuration(GhostConv, GhostConvV2, GhostConvV3)

    def __init__(
        self,
        c_in: int,
        c_mid: int,
        c_out: int,
        kernel_size: int = 3,
        stride: int = 1,
        se_ratio: float = 0.0,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        *,
        dilation: int = 1,
        attention: bool = False,
        branches: int = 0,
        primary_skip: bool = True,
        split: Split = "ceil",
        activation: Activation = "relu",
        se_rounding: Rounding = "divisible",
        shortcut_kernel_size: int = 0,
        shortcut_activation: Activation = "identity",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: Form = "training",
        dtype: DTypeLike = np.float64,
    ) -> None:
        plan = GhostBottleneckConfig(
            c_in, c_mid, c_out, kernel_size, stride, se_ratio, ratio, dw_kernel_size, attention,
            branches, primary_skip, split, activation, se_rounding, shortcut_kernel_size,
            shortcut_activation, bn_eps, bn_momentum, form, dilation,
        )  # fmt: skip
        super().__init__(plan, dtype=dtype)
