"""RepGhostNet."""

import numpy as np
from numpy.typing import DTypeLike

from conformance.oracle.networks.ghostnet import BottleneckNetwork
from conformance.oracle.rep_ghost import RepGhostBottleneck
from weights.modules.arguments import OutputStride
from weights.modules.forms import Form
from weights.networks.repghostnet import RepGhostNetConfig


class RepGhostNet(BottleneckNetwork):
    """RepGhostNet (Chen et al., 2022, "RepGhost").

    Shapes: x: (N, in_chans, H, W) to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> network = RepGhostNet(0.5, num_classes=10)
    >>> network(np.zeros((1, 3, 64, 64))).shape
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
        dtype: DTypeLike = np.float64,
    ) -> None:
        plan = RepGhostNetConfig(
            width, num_classes, in_chans, dropout, dw_kernel_size, bn_eps, bn_momentum, form,
            output_stride,
        )  # fmt: skip
        super().__init__(plan, dtype=dtype)
