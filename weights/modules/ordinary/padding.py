"""The padding of convolutions, as any framework has it, in the one form of files."""

from collections.abc import Sequence
from typing import Any

from weights.arithmetic import kernel_span
from weights.errors import ArgumentError
from weights.modules.ordinary.layer import SAME
from weights.text import brief


def padding_sides(
    padding: Any, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Any:
    """Return the padding of a convolution, as any framework has it, as `ConvolutionLayerConfig`.

    >>> padding_sides("same", (3, 4), (1, 1), (1, 1))
    ((1, 1), (1, 2))
    """
    spans = [kernel_span(*axis) for axis in zip(kernel_size, dilation, strict=True)]
    if not isinstance(padding, str):
        return _pairs(padding, len(spans))
    match padding.lower():
        case "valid":
            return ((0, 0),) * len(spans)
        case "same":
            is_told = all(step == 1 or span == 1 for step, span in zip(stride, spans, strict=True))
            halves = tuple(((span - 1) // 2, span // 2) for span in spans)
            return halves if is_told else SAME
        case "circular" | "reflect":
            return tuple(((span - 1) // 2, span // 2) for span in spans)
        case "causal":
            return tuple((span - 1, 0) for span in spans)
    raise ArgumentError(f"its padding {brief(padding)} is none that is known")


def output_cuts(
    padding: Any, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Any:
    """Return the padding of a transposed convolution of Flax or Keras as what it cuts off.

    A sequence is what each side of the widened input is padded with.

    >>> output_cuts("same", (3, 2), (2, 2), (1, 1)), output_cuts("valid", (2,), (3,), (1,))
    (((0, 1), (0, 0)), ((0, -1),))
    """
    spans = [kernel_span(*axis) for axis in zip(kernel_size, dilation, strict=True)]
    if isinstance(padding, str) and padding.lower() not in ("same", "valid"):
        raise ArgumentError(f"its padding {brief(padding)} is none that is known")
    if isinstance(padding, str):
        cut = _same_cut if padding.lower() == "same" else _valid_cut
        return tuple(cut(*axis) for axis in zip(spans, stride, strict=True))
    pairs = zip(_pairs(padding, len(spans)), spans, strict=True)
    return tuple((span - 1 - before, span - 1 - after) for (before, after), span in pairs)


def _same_cut(span: int, stride: int) -> tuple[int, int]:
    before = max(span - stride, 0) // 2
    return before, span - stride - before


def _valid_cut(span: int, stride: int) -> tuple[int, int]:
    return 0, min(span - stride, 0)


def _pairs(padding: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, of an integer for all or of either for each."""
    each = (padding,) * rank if isinstance(padding, int) else tuple(padding)
    return tuple((side, side) if isinstance(side, int) else tuple(side) for side in each)
