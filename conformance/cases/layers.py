"""The layers that the tiers of single GhostConvs run.

Few shapes and many data sets for each, since a new shape costs a compilation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.cases.case import FILES, HARD, SPECIAL, USUAL, Case, layer_case
from weights.modules.yolo import ghost_conv_arguments


@dataclass(frozen=True)
class Row:
    """A GhostConv: (c_in, c_out), input (N, H, W), other arguments, and tags of its cases.

    `name` is that of a layer which is somebody's own.
    """

    channels: tuple[int, int]
    size: tuple[int, int, int]
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    name: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """Every argument that is given."""
        return {"c_in": self.channels[0], "c_out": self.channels[1], **self.arguments}


REAL = (USUAL, SPECIAL, FILES)
LAYERS = (
    # the seed's defaults, and its usual shapes
    Row((8, 16), (2, 8, 8)),
    Row((3, 16), (2, 9, 7), {"kernel_size": 3, "padding": 1}, (USUAL,)),
    Row((16, 24), (1, 8, 6), {"kernel_size": 3}),
    # ratios, whole and not, and the crop that odd channels need
    Row((6, 9), (2, 5, 5), {"ratio": 1}, (FILES,)),
    Row((4, 8), (1, 5, 4), {"ratio": 0.5}),
    Row((5, 10), (2, 6, 6), {"ratio": 1.5}),
    Row((8, 12), (5, 6, 5), {"ratio": 3}),
    Row((8, 17), (2, 7, 7), {"ratio": 4, "dw_kernel_size": 5}, (USUAL, HARD, SPECIAL, FILES)),
    Row((4, 11), (1, 7, 5), {"ratio": 5, "kernel_size": 3, "padding": 1}),
    Row((8, 19), (33, 6, 6), {"ratio": 8}),
    Row((7, 13), (2, 5, 9), {"ratio": 2.5, "kernel_size": 3, "padding": 1}),
    Row((7, 5), (2, 5, 5), {"ratio": 2}),
    Row((1, 1), (2, 4, 4)),
    # kernels, even ones too, and paddings wider than they need be
    Row((6, 8), (2, 8, 7), {"kernel_size": 2}),
    Row((6, 8), (1, 7, 8), {"kernel_size": 2, "stride": 2, "padding": 1}),
    Row((3, 8), (1, 13, 12), {"kernel_size": 7, "stride": 2, "padding": 3}),
    Row((5, 6), (2, 9, 9), {"kernel_size": [3, 5], "padding": [1, 2]}, (FILES,)),
    Row((5, 6), (1, 6, 9), {"kernel_size": [1, 7], "padding": [0, 3], "ratio": 3}),
    Row((4, 6), (2, 4, 4), {"kernel_size": 3, "padding": [3, 6]}),
    Row((5, 9), (5, 5, 6), {"padding": [2, 1], "stride": [2, 3], "bias": True}, (USUAL, FILES)),
    Row((2, 5), (2, 12, 13), {"kernel_size": 9, "padding": 4, "dw_kernel_size": 9}),
    Row(
        (3, 8), (2, 14, 12),
        {"kernel_size": [11, 3], "padding": [5, 1], "stride": [5, 4], "dw_kernel_size": 11},
    ),
    # strides, equal and not, on even and odd sizes
    Row((3, 16), (2, 10, 10), {"kernel_size": 3, "stride": 2, "padding": 1}, (SPECIAL,)),
    Row((3, 16), (1, 11, 10), {"kernel_size": 3, "stride": 2, "padding": 1}),
    Row((5, 6), (2, 13, 13), {"kernel_size": 3, "stride": 3, "padding": 2, "dw_kernel_size": 7}),
    Row((6, 10), (1, 9, 10), {"kernel_size": 3, "stride": [1, 2], "padding": 1}),
    Row((6, 10), (2, 10, 9), {"kernel_size": 3, "stride": [3, 1], "padding": [1, 0]}),
    Row((8, 8), (2, 7, 7), {"stride": 2}),
    # the cheap kernel
    Row((7, 10), (2, 6, 5), {"dw_kernel_size": 1}),
    Row((4, 10), (2, 3, 3), {"dw_kernel_size": 7}),
    Row((5, 13), (2, 9, 8), {"dw_kernel_size": 5, "dw_dilation": 2, "ratio": 3}, (USUAL,)),
    # maps of one element, rows and columns
    Row((8, 12), (3, 1, 1)),
    Row((5, 9), (2, 1, 6), {"ratio": 3}),
    Row((5, 8), (1, 7, 1), {"kernel_size": [3, 1], "padding": [1, 0]}),
    # dilation, with stride too, and groups
    Row((4, 8), (2, 9, 9), {"kernel_size": 3, "padding": 2, "dilation": 2}),
    Row(
        (4, 7), (1, 11, 12),
        {"kernel_size": [3, 2], "stride": 2, "padding": 2, "dilation": [2, 3]}, (USUAL,),
    ),
    Row(
        (4, 7), (2, 12, 13),
        {"kernel_size": 3, "padding": [4, 5], "dilation": [4, 5], "groups": 2, "bias": True},
    ),
    Row((8, 16), (2, 6, 6), {"kernel_size": 3, "padding": 1, "groups": 4}, (USUAL, SPECIAL, FILES)),
    Row((6, 12), (1, 7, 5), {"groups": 2, "ratio": 3, "stride": [2, 1]}),
    Row((12, 24), (2, 6, 6), {"kernel_size": 3, "padding": 1, "groups": 12}),
    # the other splits
    Row((8, 15), (2, 6, 6), {"split": "ceil"}),
    Row((8, 16), (1, 5, 7), {"split": "ceil", "ratio": 3, "kernel_size": 3, "padding": 1}),
    Row((8, 16), (2, 6, 6), {"split": "floor", "ratio": 4, "dw_kernel_size": 5}),
    # activations
    Row(
        (8, 14), (2, 6, 6), {"activation": "relu6", "kernel_size": 3, "padding": 1},
        (USUAL, HARD, SPECIAL),
    ),
    Row(
        (8, 14), (2, 6, 6), {"activation": "hard_swish", "kernel_size": 3, "padding": 1},
        (USUAL, HARD, SPECIAL),
    ),
    Row(
        (8, 14), (2, 6, 6),
        {"activation": "leaky_relu:0.1", "kernel_size": 3, "padding": 1, "bias": True},
        (USUAL, HARD, SPECIAL),
    ),
    # a map higher than that of a real network's first layers, of more than 65,536 numbers
    Row((2, 3), (1, 225, 150), {"kernel_size": 3, "padding": 1}, (USUAL,)),
    # layers of real networks: the seed's example, the two of GhostNet's last bottleneck as timm and
    # Huawei have it, and one of ultralytics'
    Row((32, 64), (8, 8, 8), {}, REAL, "seed"),
    Row((160, 960), (1, 4, 5), {"split": "ceil"}, REAL, "timm"),
    Row((960, 160), (1, 5, 4), {"split": "ceil", "activation": "identity"}, REAL, "huawei"),
    Row((32, 64), (8, 9, 8), ghost_conv_arguments(32, 64, 3, 2), (*REAL, HARD), "ultralytics"),
)  # fmt: skip


def layer_cases(tier: str, data_sets: Sequence[str], **extra: Any) -> Iterator[Case]:
    """A case for every row and data set; `extra` arguments join each configuration."""
    for row in LAYERS:
        batch, height, width = row.size
        shape = (batch, row.channels[0], height, width)
        for data in data_sets:
            yield layer_case(tier, {**row.config, **extra}, shape, data, row.tags, row.name)
