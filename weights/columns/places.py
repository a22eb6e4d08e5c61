"""Where the tensors of ordinary layers stand in the variables of a framework."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import unwrap
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any

import numpy as np

# Why a module cannot be told.
UNKNOWN = "it holds {} and is of no kind that is known: `register` makes one known"
BESIDE = "it holds {} beside the tensors of its kind"
UNBUILT = "it has seen no input yet, so its channels are not known: call the model once before"
QUANTISED = "it is quantised"
RESHAPED = (
    "its {} has shape {}, which its arguments do not make: several layers are stacked in it, or it "
    "was changed by hand"
)


@dataclass(frozen=True)
class Place:
    """A variable that holds a tensor, and how its axes become PyTorch's.

    The variable's values, in `shape` where that is given and with the `flipped` axes reversed, have
    their axes put into the order `axes` (as they are without it), and the shape of the tensor.

    >>> kernel = np.arange(6).reshape(1, 1, 3, 2)  # (kh, kw, I, O)
    >>> Place(kernel, (3, 2, 0, 1)).canonical(kernel, (2, 3, 1, 1))[1].ravel()
    array([1, 3, 5])
    """

    variable: Any
    axes: tuple[int, ...] | None = None
    flipped: tuple[int, ...] = ()
    shape: tuple[int, ...] | None = None

    def canonical(self, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The tensor of that shape in a variable of that value."""
        native = np.flip(array.reshape(self.shape or array.shape), self.flipped)
        return np.array(native.transpose(self.axes or range(native.ndim)), order="C").reshape(shape)

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether each axis of a tensor of that shape is one of the variable's, or some in a row.

        >>> Place(np.ones((2, 3)), (1, 0)).holds((3, 2)), Place(np.ones((2, 3))).holds((3, 2))
        (True, False)
        """
        split = self.shape or tuple(self.variable.shape)
        axes = self.axes or range(len(split))
        if len(axes) != len(split) or prod(split) != prod(shape):
            return False
        return {*accumulate(shape, mul)} <= {1, *accumulate((split[each] for each in axes), mul)}

    def native(self, array: np.ndarray) -> np.ndarray:
        """The value of the variable for a tensor: the reverse."""
        whole = tuple(self.variable.shape)
        split = self.shape or whole
        axes = self.axes or tuple(range(len(split)))
        moved = array.reshape([split[axis] for axis in axes]).transpose(np.argsort(axes))
        return np.array(np.flip(moved, self.flipped), order="C").reshape(whole)


@dataclass(frozen=True)
class Layer:
    """An ordinary layer as a framework holds it.

    `kind` and `config` are as in a file (`docs/weights-format.md`), `tensors` the variables by the
    names of the tensors; several variables hold equal parts of the first axis.
    """

    kind: str
    config: Mapping[str, Any]
    tensors: Mapping[str, Place | Sequence[Place]]

    def places(self, name: str) -> tuple[Place, ...]:
        """The places of a tensor: one, or those of its parts."""
        found = self.tensors[name]
        return (found,) if isinstance(found, Place) else tuple(found)

    @property
    def variables(self) -> list[Any]:
        """The variables that hold its tensors."""
        return [place.variable for name in self.tensors for place in self.places(name)]


# From a layer of a framework to what a file tells of it.
Reader = Callable[[Any], Layer]


def reader_among(
    readers: Mapping[type, Reader], module: Any, calls: Iterable[str]
) -> Reader | None:
    """The reader of a layer: that of the first of its classes which computes as it does.

    `calls` are the methods in which layers compute: a class that has others is another layer.
    """
    own = type(module)
    kind = next((each for each in own.__mro__ if each in readers), own)
    if any(is_replaced(module, name) for name in calls):
        return None
    methods = ((getattr(own, name, None), getattr(kind, name, None)) for name in calls)
    if own is not kind and any(mine is not theirs for mine, theirs in methods):
        return None
    return readers.get(kind)


def is_replaced(module: Any, name: str) -> bool:
    """Whether a module has a method of its own in place of that of its class."""
    method = getattr(module, "__dict__", {}).get(name)
    whole = getattr(type(module), name, None)
    return method is not None and getattr(unwrap(method), "__func__", None) is not whole


@dataclass(frozen=True)
class Part:
    """A place in a network where a module stands that holds tensors.

    `named` is false where no name of the user's tells the place, only its position; `problem` says
    why the network makes of the module what no file can tell.
    """

    path: str
    module: Any
    named: bool = True
    problem: str = ""


def kernel_axes(rank: int) -> tuple[int, ...]:
    """The order that makes (..., I, O), with so many sizes before the channels, (O, I, ...).

    >>> kernel_axes(2)
    (3, 2, 0, 1)
    """
    return (rank + 1, rank, *range(rank))


def depthwise_axes(rank: int) -> tuple[int, ...]:
    """The order that makes (..., O, I) (O, I, ...)."""
    return (rank, rank + 1, *range(rank))


def flattened_place(variable: Any, sizes: Sequence[int]) -> Place:
    """The place of the matrix (O, C * H * W) in one (H * W * C, O) of channels that come last."""
    channels, *inner = sizes
    shape = (*inner, channels, variable.shape[1])
    return Place(variable, kernel_axes(len(inner)), shape=shape)


def placed(layer: Any, **places: Any) -> dict[str, Place]:
    """The tensors that a layer has, each as its attribute and what else `Place` takes."""
    found = {name: (getattr(layer, place[0]), *place[1:]) for name, place in places.items()}
    return {name: Place(*place) for name, place in found.items() if place[0] is not None}


def attention_places(projections: Sequence[Any], output: Any) -> dict[str, Place | Sequence[Place]]:
    """The tensors of an attention: of queries, keys and values, and of what makes its output.

    Kernels: (features, heads, size) of each projection, (heads, size, features) of the output.
    """
    weights: dict[str, Place | Sequence[Place]] = {
        "in_proj_weight": [Place(each.kernel, (1, 2, 0)) for each in projections],
        "out_proj.weight": Place(output.kernel, (2, 0, 1)),
    }
    if any(each.bias is None for each in (*projections, output)):
        return weights
    return {
        **weights,
        "in_proj_bias": [Place(each.bias) for each in projections],
        "out_proj.bias": Place(output.bias),
    }
