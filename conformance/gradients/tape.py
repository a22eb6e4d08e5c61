"""Gradients of NumPy code, which runs unchanged on variables that record their operations.

Reverse accumulation (Griewank and Walther, Evaluating Derivatives, chapter 3). A `Variable` takes
the place of an array through NumPy's own protocols, so the oracle needs no code for gradients.
Where a function has a corner, the derivative there is 0, and of equal maxima the first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np

from conformance.gradients.vjps import FUNCTIONS, UFUNCS, Partial, summed

_numbers = count()
Link = tuple["Variable", Partial]


def _no_noise(array: np.ndarray) -> np.ndarray:
    return array


class Variable(np.lib.mixins.NDArrayOperatorsMixin):
    """An array, and the partial derivatives by which it depends on others.

    It supports the operations of the oracle: one without a derivative here raises `TypeError`.
    `noise` is applied to every result, forward and backward.

    >>> x = Variable(np.array([2.0, 3.0]))
    >>> gradients((x * x).sum(), [x])
    [array([4., 6.])]
    """

    def __init__(
        self, value: np.ndarray, parents: Sequence[Link] = (), noise: Partial = _no_noise
    ) -> None:
        self.value = np.asarray(value)
        self.parents = tuple(parents)
        self.noise = noise
        self.number = next(_numbers)

    def derived(self, value: np.ndarray, parents: Sequence[Link]) -> Variable:
        """A variable that depends on others, with the noise of this one."""
        return Variable(self.noise(value), parents, self.noise)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        options.pop("out", None)  # an update in place becomes a new variable
        if method != "__call__" or options or ufunc not in UFUNCS:
            return NotImplemented
        values = [_value(each) for each in inputs]
        out = ufunc(*values)
        return self.derived(out, _links(inputs, UFUNCS[ufunc](out, *values)))

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function not in FUNCTIONS:
            return NotImplemented
        arrays, values, partials = FUNCTIONS[function](_value, *inputs, **options)
        out = function(*values, **options)
        return self.derived(out, _links(arrays, partials))

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Variable:
        def spread(g: np.ndarray) -> np.ndarray:
            whole = np.zeros_like(self.value)
            whole[index] = g  # slices only: no element is taken twice
            return whole

        return self.derived(self.value[index], [(self, spread)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype:
        """Type of the elements."""
        return self.value.dtype

    @property
    def T(self) -> Variable:
        """The axes in reverse."""
        return self.derived(self.value.T, [(self, np.transpose)])

    def reshape(self, *shape: int) -> Variable:
        """The same elements in a new shape."""
        return self.derived(self.value.reshape(*shape), [(self, lambda g: g.reshape(self.shape))])

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Variable:
        """Sums over axes."""
        total = summed(self.value, axis)

        def spread(g: np.ndarray) -> np.ndarray:
            return np.broadcast_to(g.reshape(total.shape), self.shape)

        return self.derived(total if keepdims else total.squeeze(axis), [(self, spread)])

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Variable:
        """Means over axes."""
        total = self.sum(axis, keepdims=keepdims)
        return total / (self.size // max(total.size, 1))

    def max(self, axis: tuple[int, ...]) -> Variable:
        """Maxima over axes; of equal ones the first takes the gradient."""
        last = tuple(range(-len(axis), 0))
        flat = np.moveaxis(self.value, axis, last)
        flat = flat.reshape(*flat.shape[: -len(axis)], -1)
        first = np.expand_dims(flat.argmax(-1), -1)

        def spread(g: np.ndarray) -> np.ndarray:
            whole = np.zeros_like(flat)
            np.put_along_axis(whole, first, g[..., None], -1)
            sizes = [self.shape[each] for each in axis]
            return np.moveaxis(whole.reshape(*g.shape, *sizes), last, axis)

        return self.derived(np.take_along_axis(flat, first, -1)[..., 0], [(self, spread)])

    def take(self, indices: np.ndarray, axis: int) -> Variable:
        """The positions `indices` of an axis; one that is named twice gets both gradients."""

        def collect(g: np.ndarray) -> np.ndarray:
            whole = np.zeros_like(self.value)
            np.add.at(np.moveaxis(whole, axis, 0), indices, np.moveaxis(g, axis, 0))
            return whole

        return self.derived(self.value.take(indices, axis), [(self, collect)])


def perturbed(value: np.ndarray, generator: np.random.Generator) -> Variable:
    """A variable whose every result, forward and backward, is moved by an ulp or not, at random.

    Runs of float32 arithmetic that differ by chance show how far roundings carry (Monte Carlo
    arithmetic: Parker, Pierce and Eggert, Computing in Science and Engineering 2(4), 2000).
    """

    def move(array: np.ndarray) -> np.ndarray:
        ulps = generator.integers(-1, 2, array.shape, dtype=np.int8)
        return array * (1 + np.finfo(array.dtype).eps * ulps).astype(array.dtype)

    return Variable(value, noise=move)


def gradients(
    output: Variable, sources: Iterable[Variable], cotangent: np.ndarray | None = None
) -> list[np.ndarray]:
    """The gradients of sum(output x cotangent) in each of `sources`; None stands for ones."""
    seed = np.ones_like(output.value) if cotangent is None else cotangent
    found: dict[int, np.ndarray] = {output.number: seed}
    for variable in _backwards(output):
        g = found[variable.number]
        for parent, partial in variable.parents:
            share = variable.noise(partial(g))
            known = found.get(parent.number)
            found[parent.number] = share if known is None else known + share
    return [found.get(source.number, np.zeros_like(source.value)) for source in sources]


def _backwards(output: Variable) -> list[Variable]:
    """Every variable that the output depends on, the last computed first."""
    seen = {output.number: output}
    pending = [output]
    while pending:
        for parent, _ in pending.pop().parents:
            if parent.number not in seen:
                seen[parent.number] = parent
                pending.append(parent)
    return [seen[number] for number in sorted(seen, reverse=True)]


def _value(each: Any) -> Any:
    return each.value if isinstance(each, Variable) else each


def _links(
    inputs: Sequence[Any], partials: Sequence[Callable[[np.ndarray], np.ndarray]]
) -> list[Link]:
    pairs = zip(inputs, partials, strict=True)
    return [(each, partial) for each, partial in pairs if isinstance(each, Variable)]
