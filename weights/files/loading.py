"""The checks before the first parameter of a module changes, with one report of all problems."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from weights.errors import ArgumentError, FormatError, MismatchError
from weights.files.digests import NAMES, dtype_name
from weights.tensors import DTYPES, RUNNING_VAR, TensorSpec
from weights.text import listed

# Pairs of letters up to which similar names are looked for.
MOST_WORK = 300_000


def check_module(module: object, classes: Mapping[str, type], others: str = "") -> None:
    """Raise `ArgumentError` for a module that is of none of the `classes`, by architecture.

    `others` ends the message with what to do with others.
    """
    if not isinstance(module, tuple(classes.values())):
        names = ", ".join(kind.__name__ for kind in classes.values())
        raise ArgumentError(
            f"`module` must be one of {names}, got {type(module).__name__}: pass the module "
            f"itself, not a wrapper or a part of it{others}"
        )


def check_tensors(
    specs: Iterable[TensorSpec],
    tensors: Mapping[str, Any],
    *,
    dtypes: Mapping[str, DTypeLike] | None = None,
    what: str = "cannot load weights",
    earlier: Iterable[str] = (),
) -> None:
    """Raise one `MismatchError` with everything in which `tensors` differ from `specs`.

    `dtypes` are those of the module's own variables, by canonical name; without them any floating
    type is right. `what` begins the report, `earlier` problems (of the configuration) join it.
    """
    by_name = {spec.name: spec for spec in specs}
    problems = [*earlier, *_name_problems(by_name, tensors)]
    for name in by_name:
        if name in tensors:
            wanted = dtypes[name] if dtypes else None
            problems.extend(_tensor_problems(by_name[name], tensors[name], wanted))
    if problems:
        raise MismatchError(what, problems)


def _name_problems(specs: Mapping[str, TensorSpec], tensors: Mapping[str, Any]) -> Iterator[str]:
    missing = [name for name in specs if name not in tensors]
    unexpected = [name for name in tensors if name not in specs]
    meant = _likenesses(missing, unexpected)
    for name in missing:
        yield f"missing tensor '{name}' of shape {specs[name].shape}{meant.get(name, '')}"
    for name in unexpected:
        yield f"unexpected tensor '{name}'{meant.get(name, '')}"


def _likenesses(missing: list[str], unexpected: list[str]) -> dict[str, str]:
    """Suggest a similar name for each one, unless comparing them all would take too long."""
    if sum(map(len, missing)) * sum(map(len, unexpected)) > MOST_WORK:
        return {}
    pairs = [(name, unexpected) for name in missing] + [(name, missing) for name in unexpected]
    close = {name: get_close_matches(name, others, n=1, cutoff=0.8) for name, others in pairs}
    return {name: f" (is '{found[0]}' meant?)" for name, found in close.items() if found}


def _tensor_problems(spec: TensorSpec, tensor: object, wanted: DTypeLike | None) -> Iterator[str]:
    if not isinstance(tensor, np.ndarray):
        yield f"tensor '{spec.name}' must be a NumPy array, got {type(tensor).__name__}"
        return
    if tensor.shape != spec.shape:
        yield f"tensor '{spec.name}' must have shape {spec.shape}, got {tensor.shape}"
    if wanted is None and tensor.dtype not in NAMES and tensor.dtype.newbyteorder("=") not in NAMES:
        names = ", ".join(DTYPES)
        yield f"tensor '{spec.name}' must be one of {names}, got {dtype_name(tensor.dtype)}"
    if wanted is not None and tensor.dtype != np.dtype(wanted):
        yield (
            f"tensor '{spec.name}' must be {dtype_name(wanted)} as in the module, got "
            f"{dtype_name(tensor.dtype)}: build the module with that dtype, or cast the tensors"
        )


def check_numbers(
    specs: Iterable[TensorSpec],
    tensors: Mapping[str, np.ndarray],
    what: str,
    *,
    allow_invalid: bool,
) -> None:
    """Raise `FormatError`, unless `allow_invalid`, for numbers that no trained module has.

    Those are not finite, or negative variances; `what` begins the message.
    """
    refuse_numbers([] if allow_invalid else value_problems(specs, tensors), what)


def refuse_numbers(problems: list[str], what: str) -> None:
    """Raise `FormatError` where there are problems with numbers."""
    if problems:
        raise FormatError(f"{what}: {listed(problems, '; ')}: pass allow_invalid=True to take it")


def value_problems(specs: Iterable[TensorSpec], tensors: Mapping[str, np.ndarray]) -> list[str]:
    """Return a problem for every tensor with a number that is not finite or a variance below 0."""
    problems = []
    pairs = [(spec, tensors[spec.name]) for spec in specs]
    with np.errstate(invalid="ignore"):  # bfloat16 of NaN
        are_finite = _are_finite([array for _, array in pairs])
        for spec, array in pairs:
            if not (are_finite or (finite := np.isfinite(array)).all()):
                problems.append(_problem(spec.name, array, ~finite, "not finite"))
            if spec.kind == RUNNING_VAR and (negative := array < 0).any():
                problems.append(_problem(spec.name, array, negative, "a negative variance"))
    return problems


def _are_finite(arrays: Sequence[np.ndarray]) -> bool:
    """Whether one look at the bytes of a file shows that all of its numbers are finite.

    They are looked at tensor by tensor where they have several types, or lie elsewhere.
    """
    data = arrays[0].base if arrays else None
    size = sum(array.nbytes for array in arrays)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (size,):
        return False
    dtype = arrays[0].dtype
    if any(array.base is not data or array.dtype != dtype for array in arrays):
        return False
    return bool(np.isfinite(data.view(dtype)).all())


def _problem(name: str, array: np.ndarray, wrong: np.ndarray, what: str) -> str:
    first = tuple(int(axis[0]) for axis in np.nonzero(wrong))
    index = ", ".join(map(str, first))
    return (
        f"tensor '{name}' has {array[first]} at [{index}], which is {what} "
        f"({int(wrong.sum())} such in {array.size} values)"
    )
