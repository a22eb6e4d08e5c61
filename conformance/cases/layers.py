"""The layers that the tiers of single GhostConvs run.

Few shapes and many data sets for each, since a new shape costs a compilation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.cases.case import FILES, SPECIAL, USUAL, Case, layer_case


@dataclass(frozen=True)
class Row:
    """A GhostConv: (c_in, c_out), input (N, H, W), other arguments, and tags of its cases."""

    channels: tuple[int, int]
    size: tuple[int, int, int]
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()


LAYERS = (
    # the seed's defaults, and its usual shapes
    Row((8, 16), (2, 8, 8), {}, (SPECIAL, FILES)),
    Row((3, 16), (2, 9, 7), {"kernel_size": 3, "padding": 1}, (USUAL,)),
    Row((16, 24), (1, 8, 6), {"kernel_size": 3}),
    # ratios, whole and not, and the crop that odd channels need
    Row((6, 9), (2, 5, 5), {"ratio": 1}, (FILES,)),
    Row((4, 8), (1, 5, 4), {"ratio": 0.5}),
    Row((5, 10), (2, 6, 6), {"ratio": 1.5}),
    Row((8, 12), (3, 6, 5), {"ratio": 3}, (FILES,)),
    Row((8, 17), (2, 7, 7), {"ratio": 4, "dw_kernel_size": 5}, (USUAL, SPECIAL, FILES)),
    Row((4, 11), (1, 7, 5), {"ratio": 5, "kernel_size": 3, "padding": 1}, (USUAL,)),
    Row((8, 19), (2, 6, 6), {"ratio": 8}),
    Row((7, 13), (2, 5, 9), {"ratio": 2.5, "kernel_size": 3, "padding": 1}),
    Row((7, 5), (2, 5, 5), {"ratio": 2}),
    Row((1, 1), (2, 4, 4)),
    # kernels, even ones too, and paddings wider than they need be
    Row((6, 8), (2, 8, 7), {"kernel_size": 2}, (FILES,)),
    Row((6, 8), (1, 7, 8), {"kernel_size": 2, "stride": 2, "padding": 1}),
    Row((4, 8), (2, 11, 9), {"kernel_size": 5, "padding": 2}),
    Row((3, 8), (1, 13, 12), {"kernel_size": 7, "stride": 2, "padding": 3}, (USUAL,)),
    Row((5, 6), (2, 9, 9), {"kernel_size": [3, 5], "padding": [1, 2]}, (FILES,)),
    Row((5, 6), (1, 6, 9), {"kernel_size": [1, 7], "padding": [0, 3], "ratio": 3}),
    Row((4, 6), (2, 4, 4), {"kernel_size": 3, "padding": 3}),
    # strides, equal and not, on even and odd sizes
    Row((3, 16), (2, 10, 10), {"kernel_size": 3, "stride": 2, "padding": 1}, (SPECIAL,)),
    Row((3, 16), (1, 11, 10), {"kernel_size": 3, "stride": 2, "padding": 1}, (USUAL,)),
    Row((5, 6), (2, 13, 13), {"kernel_size": 3, "stride": 3, "padding": 2, "dw_kernel_size": 7}),
    Row((6, 10), (1, 9, 10), {"kernel_size": 3, "stride": [1, 2], "padding": 1}),
    Row((6, 10), (2, 10, 9), {"kernel_size": 3, "stride": [3, 1], "padding": [1, 0]}),
    Row((8, 8), (2, 7, 7), {"stride": 2}),
    # the cheap kernel
    Row((7, 10), (2, 6, 5), {"dw_kernel_size": 1}),
    Row((8, 12), (1, 6, 6), {"dw_kernel_size": 5, "ratio": 3}),
    Row((4, 10), (2, 3, 3), {"dw_kernel_size": 7}),
    # maps of one element, rows and columns
    Row((8, 12), (3, 1, 1)),
    Row((5, 9), (2, 1, 6), {"ratio": 3}),
    Row((5, 8), (1, 7, 1), {"kernel_size": [3, 1], "padding": [1, 0]}),
    # dilation, with stride too, and groups
    Row((4, 8), (2, 9, 9), {"kernel_size": 3, "padding": 2, "dilation": 2}, (USUAL,)),
    Row((4, 7), (1, 11, 12), {"kernel_size": 3, "stride": 2, "padding": 2, "dilation": [2, 3]}),
    Row((8, 16), (2, 6, 6), {"kernel_size": 3, "padding": 1, "groups": 4}, (USUAL, SPECIAL, FILES)),
    Row((6, 12), (1, 7, 5), {"groups": 2, "ratio": 3, "stride": [2, 1]}),
    Row((6, 12), (2, 6, 6), {"kernel_size": 3, "padding": 1, "groups": 6}),
    # the other splits
    Row((8, 15), (2, 6, 6), {"split": "ceil"}),
    Row((8, 16), (1, 5, 7), {"split": "ceil", "ratio": 3, "kernel_size": 3, "padding": 1}),
    Row((8, 16), (2, 6, 6), {"split": "floor", "ratio": 4, "dw_kernel_size": 5}),
    # activations
    Row((8, 14), (2, 6, 6), {"activation": "identity", "ratio": 3}, (USUAL, SPECIAL)),
    Row((8, 14), (2, 6, 6), {"activation": "relu6", "kernel_size": 3, "padding": 1}, (SPECIAL,)),
    Row((8, 14), (2, 6, 6), {"activation": "silu", "ratio": 4}, (USUAL, SPECIAL)),
    Row(
        (8, 14), (2, 6, 6), {"activation": "hard_swish", "kernel_size": 3, "padding": 1},
        (USUAL, SPECIAL),
    ),
)  # fmt: skip


def layer_cases(tier: str, data_sets: Sequence[str], **extra: Any) -> Iterator[Case]:
    """A case for every row and data set; `extra` arguments join each configuration."""
    for row in LAYERS:
        (c_in, c_out), (batch, height, width) = row.channels, row.size
        config = {"c_in": c_in, "c_out": c_out, **row.arguments, **extra}
        for data in data_sets:
            yield layer_case(tier, config, (batch, c_in, height, width), data, row.tags)
