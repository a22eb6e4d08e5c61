"""The types of arguments, written once: what each may be, and the check that it is."""

from functools import partial
from typing import Annotated, Any, Literal, get_args

from weights import checks
from weights.arithmetic import Pair
from weights.errors import ArgumentError
from weights.text import brief

# An argument for both axes: an int, or (height, width).
Size = int | Pair
Split = Literal["round", "ceil", "floor"]
Named = Literal["relu", "relu6", "silu", "hard_swish", "identity"]
# Of a leaky relu any slope is taken; a type can list no more than those in use.
Leaky = Literal["leaky_relu:0.01", "leaky_relu:0.1", "leaky_relu:0.2", "leaky_relu:0.3"]
Activation = Named | Leaky
Rounding = Literal["divisible", "floor"]
# The pixels of the image between two positions of a network's last maps.
OutputStride = Literal[8, 16, 32]
SPLITS: tuple[Split, ...] = get_args(Split)
ACTIVATIONS: tuple[Named, ...] = get_args(Named)
LEAKY_RELU = "leaky_relu:"


def activation(name: str, value: object) -> str:
    """Return `value` if it names an activation: one of `ACTIVATIONS`, or a leaky relu by its slope.

    >>> activation("activation", "leaky_relu:0.10")
    'leaky_relu:0.1'
    """
    slope = leaky_slope(value)
    if slope is not None and 0 < slope <= 1:
        return f"{LEAKY_RELU}{slope!r}"
    if isinstance(value, str) and value.startswith("leaky_relu"):
        raise ArgumentError(
            f"`{name}` must give a leaky relu's slope as a number above 0 and at most 1, such as "
            f"'leaky_relu:0.1', got {brief(value)}"
        )
    if not isinstance(value, str) or value not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ArgumentError(
            f"`{name}` must be one of {known}, leaky_relu:SLOPE, got {brief(value)}"
        )
    return value


def leaky_slope(activation: object) -> float | None:
    """Return the slope of a leaky relu below 0; None for anything else."""
    if not isinstance(activation, str) or not activation.startswith(LEAKY_RELU):
        return None
    try:
        return float(activation.removeprefix(LEAKY_RELU))
    except ValueError:
        return None


# Fields of a configuration: their type once they are checked, and the check. A plain `int` is at
# least 1, a plain `float` above 0. A pair is given as any `Size`, which is not its type afterwards.
Count = Annotated[int, partial(checks.integer, minimum=0)]
Odd = Annotated[int, checks.odd_integer]
Reduction = Annotated[OutputStride, partial(checks.number_among, allowed=get_args(OutputStride))]
OddOrZero = Annotated[int, checks.odd_or_zero]
PositivePair = Annotated[Any, partial(checks.pair, minimum=1)]
OddPair = Annotated[Any, checks.odd_pair]
Padding = Annotated[Any, partial(checks.pair, minimum=0)]
Ratio = Annotated[float, checks.ratio]
NonNegative = Annotated[float, partial(checks.number, minimum=0, inclusive=True)]
Momentum = Annotated[float, partial(checks.number, minimum=0, maximum=1)]
DropoutRate = Annotated[float, partial(checks.number, minimum=0, maximum=1, inclusive=True)]
