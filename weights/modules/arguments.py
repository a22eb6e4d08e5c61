"""The types of arguments, written once: what each may be, and the check that it is."""

from functools import partial
from typing import Annotated, Any, Literal, get_args

from weights import checks
from weights.arithmetic import Pair

# An argument for both axes: an int, or (height, width).
Size = int | Pair
Split = Literal["round", "ceil", "floor"]
Activation = Literal["relu", "relu6", "silu", "hard_swish", "identity"]
Rounding = Literal["divisible", "floor"]
SPLITS: tuple[Split, ...] = get_args(Split)
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

# Fields of a configuration: their type once they are checked, and the check. A plain `int` is at
# least 1, a plain `float` above 0. A pair is given as any `Size`, which is not its type afterwards.
Count = Annotated[int, partial(checks.integer, minimum=0)]
Odd = Annotated[int, checks.odd_integer]
OddOrZero = Annotated[int, checks.odd_or_zero]
PositivePair = Annotated[Any, partial(checks.pair, minimum=1)]
OddPair = Annotated[Any, checks.odd_pair]
Padding = Annotated[Any, partial(checks.pair, minimum=0)]
Ratio = Annotated[float, checks.ratio]
NonNegative = Annotated[float, partial(checks.number, minimum=0, inclusive=True)]
Momentum = Annotated[float, partial(checks.number, minimum=0, maximum=1)]
DropoutRate = Annotated[float, partial(checks.number, minimum=0, maximum=1, inclusive=True)]
