"""The layers and networks that are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BATCHES = (1, 8)


@dataclass(frozen=True)
class Shape:
    """A convolution with symmetric padding on a square input, and the GhostConv in its place."""

    c_in: int
    c_out: int
    kernel_size: int
    size: int
    stride: int = 1
    ratio: int = 2
    batch: int = 1

    def __str__(self) -> str:
        name = f"{self.kernel_size}x{self.kernel_size} {self.c_in}->{self.c_out} @{self.size}"
        name += f" stride {self.stride}" if self.stride > 1 else ""
        return f"{name} ratio {self.ratio} batch {self.batch}"

    @property
    def padding(self) -> int:
        """Padding that keeps the size at stride 1."""
        return self.kernel_size // 2

    @property
    def output_size(self) -> int:
        """Rows and columns of the output."""
        return (self.size - 1) // self.stride + 1

    @property
    def arguments(self) -> dict[str, Any]:
        """The configuration of the GhostConv."""
        return {
            "c_in": self.c_in,
            "c_out": self.c_out,
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "ratio": self.ratio,
        }


BASE = (
    (32, 64, 1, 56, 1),
    (128, 128, 1, 28, 1),
    (64, 64, 3, 56, 1),
    (128, 256, 3, 28, 1),
    (256, 512, 3, 14, 1),
    (64, 128, 3, 56, 2),
)
# Name, architecture, configuration, rows and columns of the input.
NETWORKS: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("ghostnet_100", "ghostnet", {}, 224),
    ("ghostnetv2_100", "ghostnetv2", {}, 224),
    ("ghost_resnet56", "ghost_resnet56", {}, 32),
)


def layer_shapes(*, quick: bool) -> list[Shape]:
    """Every shape at batches 1 and 8 and ratios 2 and 4; of a quick run, batch 1 and ratio 2."""
    batches, ratios = ((1,), (2,)) if quick else (BATCHES, (2, 4))
    return [
        Shape(*row, ratio=ratio, batch=batch)
        for row in BASE
        for ratio in ratios
        for batch in batches
    ]
