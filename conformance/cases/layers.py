"""The layers that the tiers `exact`, `module`, `special` and `weights` run.

Few shapes and many data sets for each, since a new shape costs a compilation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conformance.cases.case import Case, describe

# (c_in, c_out), (N, H, W), other arguments.
Row = tuple[tuple[int, int], tuple[int, int, int], dict[str, Any]]

LAYERS: tuple[Row, ...] = (
    # the seed's defaults, and its usual shapes
    ((8, 16), (2, 8, 8), {}),
    ((3, 16), (2, 9, 7), {"kernel_size": 3, "padding": 1}),
    ((16, 24), (1, 8, 6), {"kernel_size": 3}),
    # ratios, whole and not, and the crop that odd channels need
    ((6, 9), (2, 5, 5), {"ratio": 1}),
    ((4, 8), (1, 5, 4), {"ratio": 0.5}),
    ((5, 10), (2, 6, 6), {"ratio": 1.5}),
    ((8, 12), (3, 6, 5), {"ratio": 3}),
    ((8, 17), (2, 7, 7), {"ratio": 4, "dw_kernel_size": 5}),
    ((4, 11), (1, 7, 5), {"ratio": 5, "kernel_size": 3, "padding": 1}),
    ((8, 19), (2, 6, 6), {"ratio": 8}),
    ((7, 13), (2, 5, 9), {"ratio": 2.5, "kernel_size": 3, "padding": 1}),
    ((7, 5), (2, 5, 5), {"ratio": 2}),
    ((1, 1), (2, 4, 4), {}),
    # kernels, even ones too, and paddings wider than they need be
    ((6, 8), (2, 8, 7), {"kernel_size": 2}),
    ((6, 8), (1, 7, 8), {"kernel_size": 2, "stride": 2, "padding": 1}),
    ((4, 8), (2, 11, 9), {"kernel_size": 5, "padding": 2}),
    ((3, 8), (1, 13, 12), {"kernel_size": 7, "stride": 2, "padding": 3}),
    ((5, 6), (2, 9, 9), {"kernel_size": [3, 5], "padding": [1, 2]}),
    ((5, 6), (1, 6, 9), {"kernel_size": [1, 7], "padding": [0, 3], "ratio": 3}),
    ((4, 6), (2, 4, 4), {"kernel_size": 3, "padding": 3}),
    # strides, equal and not, on even and odd sizes
    ((3, 16), (2, 10, 10), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((3, 16), (1, 11, 10), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((5, 6), (2, 13, 13), {"kernel_size": 3, "stride": 3, "padding": 2, "dw_kernel_size": 7}),
    ((6, 10), (1, 9, 10), {"kernel_size": 3, "stride": [1, 2], "padding": 1}),
    ((6, 10), (2, 10, 9), {"kernel_size": 3, "stride": [3, 1], "padding": [1, 0]}),
    ((8, 8), (2, 7, 7), {"stride": 2}),
    # the cheap kernel
    ((7, 10), (2, 6, 5), {"dw_kernel_size": 1}),
    ((8, 12), (1, 6, 6), {"dw_kernel_size": 5, "ratio": 3}),
    ((4, 10), (2, 3, 3), {"dw_kernel_size": 7}),
    # maps of one element, rows and columns
    ((8, 12), (3, 1, 1), {}),
    ((5, 9), (2, 1, 6), {"ratio": 3}),
    ((5, 8), (1, 7, 1), {"kernel_size": [3, 1], "padding": [1, 0]}),
    # dilation, with stride too, and groups
    ((4, 8), (2, 9, 9), {"kernel_size": 3, "padding": 2, "dilation": 2}),
    ((4, 7), (1, 11, 12), {"kernel_size": 3, "stride": 2, "padding": 2, "dilation": [2, 3]}),
    ((8, 16), (2, 6, 6), {"kernel_size": 3, "padding": 1, "groups": 4}),
    ((6, 12), (1, 7, 5), {"groups": 2, "ratio": 3, "stride": [2, 1]}),
    ((6, 12), (2, 6, 6), {"kernel_size": 3, "padding": 1, "groups": 6}),
    # the other splits
    ((8, 15), (2, 6, 6), {"split": "ceil"}),
    ((8, 16), (1, 5, 7), {"split": "ceil", "ratio": 3, "kernel_size": 3, "padding": 1}),
    ((8, 16), (2, 6, 6), {"split": "floor", "ratio": 4, "dw_kernel_size": 5}),
    # activations
    ((8, 14), (2, 6, 6), {"activation": "identity", "ratio": 3}),
    ((8, 14), (2, 6, 6), {"activation": "relu6", "kernel_size": 3, "padding": 1}),
    ((8, 14), (2, 6, 6), {"activation": "silu", "ratio": 4}),
    ((8, 14), (2, 6, 6), {"activation": "hard_swish", "kernel_size": 3, "padding": 1}),
)  # fmt: skip

# A division by six, or an exponential, leaves the integers.
INEXACT_ACTIVATIONS = ("silu", "hard_swish")


def layer_cases(
    tier: str, data_sets: Iterable[str], rows: Iterable[Row] = LAYERS, **extra: Any
) -> Iterator[Case]:
    """A case for every row and data set; `extra` arguments join each configuration."""
    for seed, ((c_in, c_out), (batch, height, width), arguments) in enumerate(rows):
        config = {"c_in": c_in, "c_out": c_out, **arguments, **extra}
        shape = (batch, c_in, height, width)
        for data in data_sets:
            name = f"{describe(config, shape)}-{data}"
            yield Case(name, tier, "ghost_conv", config, shape, data, seed)


def exact_rows() -> list[Row]:
    """The rows whose activation keeps integers integers."""
    return [row for row in LAYERS if row[2].get("activation") not in INEXACT_ACTIVATIONS]


def one_of_each_activation() -> list[Row]:
    """A few rows that hold every activation, a crop, a stride and a 3x3 kernel."""
    activations = [row for row in LAYERS if "activation" in row[2]]
    return [LAYERS[0], LAYERS[7], LAYERS[20], LAYERS[34], *activations]
