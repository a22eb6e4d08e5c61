"""Why a convolution stays, in one wording for every framework, and a candidate that need not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weights import checks
from weights.arithmetic import Pair, kernel_span, same_padding
from weights.columns.places import QUANTISED as QUANTISED
from weights.columns.places import UNBUILT as UNBUILT
from weights.errors import ArgumentError

DEPTHWISE = "a depthwise convolution, cheap already"
TRANSPOSED = "a transposed convolution"
OTHER_RANK = "a {}-D convolution, GhostConv is 2-D"
SHARED_PARAMETERS = "it shares parameters with another module"
PADDING_MODE = "it pads with {!r}, GhostConv with zeros"
OWN_CLASS = "it is of a class of its own, {}"
NOT_FLOATING = "its kernel is of {}, no floating point type"
ALREADY = "{}: a module of this package stays whole"
SLOWER = "it would take {} ms in place of {}"
UNREACHED = "`example` does not reach it"
NOT_FINITE = "its weights or its outputs are not finite"
GROUPS = "its groups have other channels in a GhostConv, which can keep none of its weights"
# Notes on a replacement: in which respect it is not as the convolution was.
BIAS = "its bias is left to the batch normalisation"
DROPPED = "its {} is dropped"
FROZEN = "frozen as it was, though its weights are fresh"
MEANS = "its outputs have the means that {!r} has seen"
CUT = "its weights are kept as if it had no {}: give an `example`"


@dataclass(frozen=True)
class Candidate:
    """A convolution that its framework could replace.

    `arguments` are those of GhostConv, but `padding` as the framework has it: "same", "valid", an
    int, or for each axis an int or (before, after). `notes` name the properties that are lost.
    """

    arguments: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def symmetric_padding(padding: Any, kernel_size: Pair, stride: Pair, dilation: Pair) -> Pair:
    """Rows and columns that a convolution pads on either side.

    Raises `ArgumentError` where it pads one side more than the other: "same" does unless the stride
    is 1 and the kernel odd, or the kernel 1.

    >>> symmetric_padding("same", (3, 5), (1, 1), (2, 1))
    (2, 2)
    """
    if padding == "valid" or isinstance(padding, int):
        padding = (0, 0) if padding == "valid" else (padding, padding)
    elif padding == "same":
        geometry = zip(kernel_size, stride, dilation, strict=True)
        padding = [_same_sides(*axis) for axis in geometry]
    sides = [(side, side) if isinstance(side, int) else tuple(side) for side in padding]
    if any(before != after for before, after in sides):
        raise ArgumentError(
            "it pads one side more than the other, GhostConv pads both alike; got kernel_size "
            f"{checks.plain_pair(kernel_size)}, stride {checks.plain_pair(stride)}"
        )
    return sides[0][0], sides[1][0]


def _same_sides(kernel_size: int, stride: int, dilation: int) -> Pair:
    """The padding "same" before and after; above stride 1, where the input decides, uneven."""
    span = kernel_span(kernel_size, dilation)
    if span == 1:
        return 0, 0
    before = same_padding(span)
    return before, before if stride == 1 and span % 2 else before + 1
