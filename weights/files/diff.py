"""Differences of two interchange files, and the likely mistake behind that of a tensor."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import numpy as np

from weights.files.digests import dtype_name, tensor_digest
from weights.files.file import WeightFile
from weights.networks.custom import by_module
from weights.tensors import CONVOLUTION, DEPTHWISE, LINEAR

EQUAL = "equal"
Relation = Callable[[np.ndarray], np.ndarray]
# The axes of a kernel; a linear layer has the first two, a vector the first.
AXES = ("O", "I", "height", "width")
# The usual mistakes of a conversion, as changes of those axes.
KERNEL_RELATIONS: Mapping[str, Relation] = {
    "kernel transposed": lambda a: a.swapaxes(2, 3),
    "kernel flipped": lambda a: a[:, :, ::-1, ::-1],
    "O and I swapped": lambda a: a.swapaxes(0, 1),
}
RELATIONS: Mapping[str, Mapping[str, Relation]] = {
    **dict.fromkeys((CONVOLUTION, DEPTHWISE), KERNEL_RELATIONS),
    LINEAR: {"O and I swapped": lambda a: a.T},
}
# Unit roundoff and half the smallest positive number, by name, finest first.
ROUNDING = {
    "float32": (2.0**-24, 2.0**-150),
    "float16": (2.0**-11, 2.0**-25),
    "bfloat16": (2.0**-8, 2.0**-134),
}


@dataclass(frozen=True)
class TensorDifference:
    """The difference of a tensor in two files; `maximum` is None where the shapes differ.

    `looks_like` names the likely mistake, `index` is the place of the largest difference.
    """

    name: str
    looks_like: str
    maximum: float | None = None
    index: tuple[int, ...] | None = None

    @property
    def equal(self) -> bool:
        """Whether every bit is the same."""
        return self.looks_like == EQUAL


@dataclass(frozen=True)
class FileDifference:
    """The differences of two files: of architecture and configuration, and of every tensor."""

    config: tuple[str, ...]
    tensors: tuple[TensorDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether both files hold the same module with the same numbers."""
        return not self.config and all(tensor.equal for tensor in self.tensors)


def compare_files(a: WeightFile, b: WeightFile) -> FileDifference:
    """Compare everything that decides what the modules compute; producer and source may differ."""
    names_by_digest = {tensor_digest(array): name for name, array in a.tensors.items()}
    tensors = []
    for name in {**a.tensors, **b.tensors}:
        if name not in a.tensors or name not in b.tensors:
            where = "B" if name in a.tensors else "A"
            tensors.append(TensorDifference(name, f"missing in {where}"))
        else:
            kind, array = a.metadata["tensors"][name]["kind"], b.tensors[name]
            twin = names_by_digest.get(tensor_digest(array))
            tensors.append(compare_tensors(name, kind, a.tensors[name], array, twin))
    return FileDifference(tuple(_config_differences(a, b)), tuple(tensors))


def compare_tensors(
    name: str, kind: str, a: np.ndarray, b: np.ndarray, twin: str | None = None
) -> TensorDifference:
    """Compare two tensors of one name and kind; `twin` is the tensor of A with the bits of `b`.

    >>> a = np.arange(6, dtype=np.float32)
    >>> compare_tensors("bias", "norm_bias", a, a * 2).looks_like
    'scaled by 2'
    """
    notes = list(_type_notes(a, b))
    if not notes and _same_bits(a, b).all():
        return TensorDifference(name, EQUAL, 0.0)
    maximum, index = largest_difference(a, b) if a.shape == b.shape else (None, None)
    hint = _relation(kind, a, b) or _twin_hint(twin, b)
    if not hint and maximum is not None:
        with np.errstate(all="ignore"):  # infinities and NaN are what is looked for
            hint = _numeric_hint(a, b, maximum)
    return TensorDifference(name, ", ".join(filter(None, [*notes, hint])), maximum, index)


def largest_difference(a: np.ndarray, b: np.ndarray) -> tuple[float, tuple[int, ...] | None]:
    """Return the largest |a - b| and its index; NaN counts, unless both have the same bits."""
    if not a.size:
        return 0.0, None
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.asarray(np.abs(a.astype(np.float64) - b.astype(np.float64)))
    difference[_same_bits(a, b)] = 0
    # argmax takes a NaN for the largest, as is wanted here.
    index = tuple(int(axis) for axis in np.unravel_index(np.argmax(difference), a.shape))
    return float(difference[index]), index


def scale_factor(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return the factor by which `a` is `b`, element by element, or None where there is none."""
    wide_a, wide_b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    finite = np.isfinite(wide_a).all() and np.isfinite(wide_b).all()
    if not finite or np.count_nonzero(wide_a) < 2:  # one number is a multiple of any other
        return None
    largest = np.argmax(np.abs(wide_a))
    factor = float(wide_b[largest] / wide_a[largest])
    tolerance = 4 * max(ROUNDING.get(x.dtype.name, (2.0**-53, 0))[0] for x in (a, b))
    fits = np.abs(wide_b - factor * wide_a) <= tolerance * np.abs(factor * wide_a)
    is_scale = factor != 0 and max(tolerance, 1e-5) < abs(factor - 1) < inf
    return factor if is_scale and fits.all() else None


def _config_differences(a: WeightFile, b: WeightFile) -> Iterator[str]:
    if a.architecture != b.architecture:
        yield f"architecture is {a.architecture} in A and {b.architecture} in B"
        return
    yield from _differences(by_module(a.config), by_module(b.config))


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key in sorted({*a, *b}):
        in_a, in_b = a.get(key), b.get(key)
        if isinstance(in_a, dict) and isinstance(in_b, dict):
            yield from _differences(in_a, in_b, f"{above}{key}.")
        elif in_a != in_b:
            yield f"`{above}{key}` is {in_a!r} in A and {in_b!r} in B"


def _type_notes(a: np.ndarray, b: np.ndarray) -> Iterator[str]:
    if a.dtype != b.dtype:
        yield f"{dtype_name(a.dtype)} in A and {dtype_name(b.dtype)} in B"
    if a.shape != b.shape:
        yield f"shape {a.shape} in A and {b.shape} in B"


def _numeric_hint(a: np.ndarray, b: np.ndarray, maximum: float) -> str:
    if maximum == 0:
        return "signs of zeros differ" if a.dtype == b.dtype else "the same values"
    changed = a.size - int(_same_bits(a, b).sum()) if a.dtype == b.dtype else a.size
    # Of two numbers one is no exception.
    if changed == 1 and a.size > 2:
        return f"one number of {a.size} differs"
    factor = scale_factor(a, b)
    return f"scaled by {factor:.6g}" if factor is not None else _rounding_hint(a, b)


def _rounding_hint(a: np.ndarray, b: np.ndarray) -> str:
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    difference = np.abs(wide_a - wide_b)
    size = np.maximum(np.abs(wide_a), np.abs(wide_b))
    for name, (relative, absolute) in ROUNDING.items():
        if np.isfinite(size).all() and (difference <= relative * size + absolute).all():
            return f"within rounding of {name}"
    return ""


def _relation(kind: str, a: np.ndarray, b: np.ndarray) -> str:
    relations = RELATIONS.get(kind, {}) if a.ndim in (2, 4) else {}
    for name, relation in {**relations, **dict(_orders(a))}.items():
        other = relation(a)
        if other.shape == b.shape and other.dtype == b.dtype and _same_bits(other, b).all():
            return name
    return ""


def _orders(a: np.ndarray) -> Iterator[tuple[str, Relation]]:
    """Yield the usual other orders along each axis of a tensor."""
    for axis, (name, size) in enumerate(zip(AXES, a.shape, strict=False)):
        if size > 1:
            yield f"reversed along {name}", partial(np.flip, axis=axis)
        if size > 2 and size % 2 == 0:
            # Ghosts before the primary channels, the two halves of a concatenation.
            yield f"halves along {name} exchanged", partial(np.roll, shift=size // 2, axis=axis)


def _twin_hint(twin: str | None, b: np.ndarray) -> str:
    # Equal constants (a fresh running mean, say) are a coincidence.
    return f"equals tensor '{twin}' of A" if twin and (b != b.flat[0]).any() else ""


def _same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype != b.dtype:
        return np.zeros(a.shape, bool)
    bits = np.dtype(f"u{a.dtype.itemsize}")
    return np.ascontiguousarray(a).view(bits) == np.ascontiguousarray(b).view(bits)
