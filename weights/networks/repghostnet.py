"""The configuration of RepGhostNet: GhostNet's blocks, thinner and with RepGhost's modules."""

from dataclasses import dataclass
from typing import Annotated

from weights.modules.arguments import Count, DropoutRate, Momentum, Odd, Ratio, Reduction
from weights.modules.configuration import UNLESS_DEFAULT
from weights.modules.forms import TRAINING, Form
from weights.modules.rep_ghost import SHARED, RepGhostBottleneckConfig
from weights.networks.ghostnet import BottleneckNetworkConfig, Row, Rows

# Kernel, expansion, output channels, SE ratio, stride (Chen et al., 2022, as timm divides
# it into stages).
ROWS: Rows = (
    ((3, 8, 16, 0, 1),),
    ((3, 24, 24, 0, 2),),
    ((3, 36, 24, 0, 1),),
    ((5, 36, 40, 0.25, 2),),
    ((5, 60, 40, 0.25, 1),),
    ((3, 120, 80, 0, 2),),
    (
        (3, 100, 80, 0, 1),
        (3, 120, 80, 0, 1),
        (3, 120, 80, 0, 1),
        (3, 240, 112, 0.25, 1),
        (3, 336, 112, 0.25, 1),
    ),
    ((5, 336, 160, 0.25, 2),),
    ((5, 480, 160, 0, 1), (5, 480, 160, 0.25, 1), (5, 480, 160, 0, 1), (5, 480, 160, 0.25, 1)),
)


@dataclass(frozen=True)
class RepGhostNetConfig(BottleneckNetworkConfig):
    """Every argument of RepGhostNet, checked (Chen et al., 2022, "RepGhost").

    `num_classes` 0 leaves the classifier out.

    >>> RepGhostNetConfig(form="deployed").macs(224, 224)
    142394128
    """

    width: Ratio = 1.0
    num_classes: Count = 1000
    in_chans: int = 3
    dropout: DropoutRate = 0.2
    dw_kernel_size: Odd = 3
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Form = TRAINING
    output_stride: Annotated[Reduction, UNLESS_DEFAULT] = 32

    rows, head = ROWS, "bias"

    def _block(
        self, c_in: int, row: Row, attention: bool, dilation: int
    ) -> RepGhostBottleneckConfig:
        kernel_size, expansion, c_out, se_ratio, stride = row
        sizes = self._scaled(expansion), self._scaled(c_out), kernel_size, stride
        own = self.only(*SHARED) | {"dilation": dilation}
        return RepGhostBottleneckConfig(c_in, *sizes, se_ratio, **own)
