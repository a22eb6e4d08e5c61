"""The arithmetic of channels and padding: integers to integers, written once for every column."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

Pair = tuple[int, int]


@dataclass(frozen=True)
class ChannelSplit:
    """The channels of each half of a GhostConv: `c_int`, and `multiplier` cheap ones for each.

    A `multiplier` of 0 means no cheap half.
    """

    c_int: int
    multiplier: int

    @property
    def c_cheap(self) -> int:
        """Channels that the cheap convolution computes, before the crop."""
        return self.c_int * self.multiplier


def split_channels(c_out: int, ratio: float, split: str = "round") -> ChannelSplit:
    """Divide `c_out` channels between the primary and the cheap half.

    `round` is half to even and never below 1; `ceil` (GhostNet, CVPR 2020, section 3.1, as its
    authors and timm compute it) and `floor` (ultralytics) take integer ratios only.

    >>> split_channels(64, 2)
    ChannelSplit(c_int=32, multiplier=1)
    >>> split_channels(5, 2)  # round(2.5) is 2, and two channels need two ghosts each
    ChannelSplit(c_int=2, multiplier=2)
    """
    if split == "ceil":
        c_int, multiplier = -(-c_out // int(ratio)), int(ratio) - 1
    elif split == "floor":
        c_int, multiplier = c_out // int(ratio), int(ratio) - 1
    else:
        c_int = max(1, round(c_out / ratio))
        multiplier = ceil((c_out - c_int) / c_int)
    return ChannelSplit(c_int, multiplier if c_out > c_int else 0)


def make_divisible(value: float, divisor: int = 4) -> int:
    """Return the multiple of `divisor` nearest to `value`, never more than 10 % below it.

    The rule of MobileNet and GhostNet for the channels of a network of another width.

    >>> make_divisible(72 * 0.25), make_divisible(16 * 0.5), make_divisible(24 * 1.1)
    (20, 8, 28)
    """
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


def same_padding(kernel_size: int) -> int:
    """Return the symmetric padding with which an odd kernel keeps height and width at stride 1."""
    return kernel_size // 2


def kernel_span(kernel_size: int, dilation: int) -> int:
    """Return how many input rows (or columns) one output element depends on.

    >>> kernel_span(3, 2)
    5
    """
    return (kernel_size - 1) * dilation + 1


def output_size(size: int, kernel_size: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Return the height (or width) of a convolution's output.

    >>> output_size(9, 3, stride=2, padding=1)
    5
    """
    return (size + 2 * padding - kernel_span(kernel_size, dilation)) // stride + 1


def halved(size: int) -> int:
    """Return the height (or width) after pooling over 2x2; an odd last row is left out."""
    return size // 2


def nearest_source(index: Any, size: int, wanted: int) -> Any:
    """Return the source position of `index` in nearest resizing (PyTorch's `nearest`, in integers).

    `index` may be an array of any framework.

    >>> [nearest_source(index, 3, 7) for index in range(7)]
    [0, 0, 0, 1, 1, 2, 2]
    """
    return index * size // wanted


def kernel_shape(c_in: int, c_out: int, kernel_size: Pair, groups: int) -> tuple[int, ...]:
    """Return the canonical shape (O, I/groups, kh, kw) of a convolution's kernel.

    >>> kernel_shape(8, 16, (3, 5), groups=2)
    (16, 4, 3, 5)
    """
    return c_out, c_in // groups, *kernel_size


def rest_of(momentum: float) -> float:
    """Return 1 - momentum, for Flax and Keras weigh the other value; without digits it adds.

    >>> rest_of(0.99)
    0.01
    """
    return float(f"{1 - momentum:.12g}")


def uniform_bound(fan_in: int) -> float:
    """Return the half-width of PyTorch's default uniform distribution (Kaiming with a = sqrt(5)).

    >>> uniform_bound(16)
    0.25
    """
    return 1 / sqrt(fan_in)
