"""Sizes and numbers of parameters that are known beforehand: typed in, never computed.

The channel arithmetic is shared by every column and by the oracle, so an error in it would agree
with itself everywhere; these numbers would not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Layer:
    """A configuration with its known output shape and numbers of elements."""

    config: dict[str, Any] = field(hash=False)
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    c_int: int
    parameters: int
    statistics: int
    architecture: str = "ghost_conv"
    full: bool = False
    """Whether it is counted with `--full` alone: building it takes long."""


# Example of a count: 32 -> 64 at 1x1 is 32*32 weights, 2*32 in the norm, 32*9 cheap weights, 2*32.
HALF_WIDTH = {"width": 0.5, "num_classes": 10}
LAYERS = (
    Layer({"c_in": 32, "c_out": 64}, (2, 32, 8, 8), (2, 64, 8, 8), 32, 1440, 128),
    Layer({"c_in": 3, "c_out": 16, "kernel_size": 3, "stride": 2, "padding": 1},
          (1, 3, 10, 11), (1, 16, 5, 6), 8, 320, 32),
    Layer({"c_in": 8, "c_out": 12, "ratio": 3}, (1, 8, 6, 5), (1, 12, 6, 5), 4, 128, 24),
    Layer({"c_in": 8, "c_out": 16, "ratio": 4, "dw_kernel_size": 5},
          (1, 8, 7, 7), (1, 16, 7, 7), 4, 364, 32),
    # round(2.5) is 2, half to even: two primary channels, two ghosts of each, six cropped to five
    Layer({"c_in": 4, "c_out": 5}, (2, 4, 5, 5), (2, 5, 5, 5), 2, 56, 12),
    Layer({"c_in": 4, "c_out": 7}, (2, 4, 5, 5), (2, 7, 5, 5), 4, 68, 16),
    Layer({"c_in": 6, "c_out": 9, "ratio": 1}, (1, 6, 4, 6), (1, 9, 4, 6), 9, 72, 18),
    Layer({"c_in": 4, "c_out": 8, "ratio": 0.5}, (1, 4, 5, 5), (1, 8, 5, 5), 16, 96, 32),
    # round(10 / 1.5) is 7
    Layer({"c_in": 5, "c_out": 10, "ratio": 1.5}, (1, 5, 6, 6), (1, 10, 6, 6), 7, 126, 28),
    Layer({"c_in": 8, "c_out": 3, "ratio": 8}, (1, 8, 4, 4), (1, 3, 4, 4), 1, 32, 6),
    # ceil(15 / 2) is 8
    Layer({"c_in": 8, "c_out": 15, "split": "ceil"}, (1, 8, 6, 6), (1, 15, 6, 6), 8, 168, 32),
    Layer({"c_in": 8, "c_out": 16, "split": "floor", "ratio": 4},
          (1, 8, 6, 6), (1, 16, 6, 6), 4, 172, 32),
    Layer({"c_in": 8, "c_out": 16, "kernel_size": 3, "padding": 1, "groups": 4},
          (1, 8, 6, 6), (1, 16, 6, 6), 8, 248, 32),
    Layer({"c_in": 4, "c_out": 8, "kernel_size": [3, 5], "padding": [2, 0], "dilation": [2, 1]},
          (1, 4, 9, 9), (1, 8, 9, 5), 4, 292, 16),
    # layers of real networks: GhostNet's last bottleneck as timm and Huawei have it, ultralytics'
    Layer({"c_in": 160, "c_out": 960, "split": "ceil"},
          (1, 160, 4, 5), (1, 960, 4, 5), 480, 83040, 1920),
    Layer({"c_in": 960, "c_out": 160, "split": "ceil", "activation": "identity"},
          (1, 960, 5, 4), (1, 160, 5, 4), 80, 77840, 320),
    Layer({"c_in": 32, "c_out": 64, "kernel_size": 3, "stride": 2, "padding": 1, "split": "floor",
           "dw_kernel_size": 5, "activation": "silu", "bn_eps": 1e-3, "bn_momentum": 0.03},
          (8, 32, 9, 8), (8, 64, 5, 4), 32, 10144, 128),
    Layer({}, (1, 3, 32, 32), (1, 10), 8, 442074, 8128, "ghost_resnet56", full=True),
    # counted on timm's own networks
    Layer(HALF_WIDTH, (1, 3, 64, 65), (1, 10), 4, 1319102, 10984, "ghostnet"),
    Layer(HALF_WIDTH, (1, 3, 64, 65), (1, 10), 4, 1589646, 31192, "ghostnetv2", full=True),
    Layer(HALF_WIDTH, (1, 3, 64, 65), (1, 10), 4, 2127194, 59152, "ghostnetv3", full=True),
    Layer(HALF_WIDTH, (1, 3, 64, 65), (1, 10), 4, 1045778, 17064, "repghostnet", full=True),
)  # fmt: skip

# One GhostConv has exactly the seed's names.
HALF = ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var")
PRIMARY_NAMES = tuple(f"primary_conv.{name}" for name in HALF)
CHEAP_NAMES = tuple(f"cheap_conv.{name}" for name in HALF)
