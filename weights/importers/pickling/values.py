"""Values that pickles of checkpoints may hold, by the names of what makes them."""

import pickle
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from weights.tensors import DTYPES

ITEMS = {
    "Double": "<f8", "Float": "<f4", "Half": "<f2", "BFloat16": DTYPES["BF16"], "Long": "<i8",
    "Int": "<i4", "Short": "<i2", "Char": "i1", "Byte": "u1", "Bool": "?",
    "ComplexDouble": "<c16", "ComplexFloat": "<c8",
}  # fmt: skip
STORAGES = {
    f"{module}.{name}Storage": np.dtype(item)  # type: ignore[call-overload]
    for module in ("torch", "torch.cuda")
    for name, item in ITEMS.items()
}
TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
PARAMETER = "torch._utils._rebuild_parameter"
# A storage of PyTorch in a pickle that torch.save did not write: a whole file in itself.
NESTED = "torch.storage._load_from_bytes"
ORDERED = "collections.OrderedDict"
# Made of one list, tuple or dict, or of nothing; counters are those of schedules.
COLLECTIONS = (ORDERED, "collections.Counter", "torch.Size", "builtins.set", "__builtin__.set")
ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
FROM_BUFFER = ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")
ENCODE, DTYPE = "_codecs.encode", "numpy.dtype"
# Plain values, which are left out.
HARMLESS = (
    "argparse.Namespace", "types.SimpleNamespace", "collections.defaultdict", "collections.deque",
    "copyreg._reconstructor", "copy_reg._reconstructor", "datetime.date", "datetime.datetime",
    "datetime.timedelta", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.ndarray", "torch.device", "uuid.UUID",
    *(f"{module}.{name}" for module in ("pathlib", "pathlib._local") for name in (  # since 3.13
        "Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath",
    )),
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in (
        "bool", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "slice",
        "str", "tuple",
    )),
)  # fmt: skip
KNOWN = frozenset(
    (*STORAGES, *TENSORS, PARAMETER, NESTED, *COLLECTIONS, *ARRAYS, *FROM_BUFFER, ENCODE, DTYPE)
) | frozenset(HARMLESS)


@dataclass(frozen=True)
class Storage:
    """Numbers that the file claims to hold, under a key."""

    key: str
    count: int
    item: np.dtype

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return self.count * self.item.itemsize


@dataclass(frozen=True)
class Tensor:
    """A tensor of PyTorch: where its numbers are in a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * self.storage.item.itemsize

    def array(self, numbers: bytes) -> np.ndarray:
        """Return the tensor as an array, from the numbers of its storage."""
        item = self.storage.item
        flat = np.frombuffer(numbers, item, self.storage.count)[self.offset :]
        steps = [step * item.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(flat, self.shape, steps, writeable=False)


@dataclass(frozen=True)
class Name:
    """A function or type, by its name alone."""

    name: str


class ForeignGlobal(pickle.UnpicklingError):
    """A function or type that no state dict needs; its text is the name."""


class Left:
    """A value of some type that is left out; what is put into it is left out too."""

    def __init__(self, name: str, value: Any = None) -> None:
        self.name, self.value = name, value

    def __setitem__(self, key: Any, value: Any) -> None:
        """Leave an entry out."""

    def append(self, value: Any) -> None:
        """Leave an item out."""


class OrderedMapping(dict[Any, Any]):
    """An OrderedDict; `attributes` are those that PyTorch sets on one."""

    attributes: Any = None


def built(made: Left, attributes: Any) -> Any:
    """Return the type or array that NumPy's attributes describe; None of anything else."""
    fields = attributes if isinstance(attributes, tuple) else ()
    if made.name == DTYPE and len(fields) > 1:
        return _item(made.value, fields[1])
    if made.name in ARRAYS and len(fields) == 5:
        _, shape, item, is_fortran, data = fields
        data = data.encode("latin1") if isinstance(data, str) else data
        return array_of(data, item, shape, "F" if is_fortran else "C")
    return None


def _item(code: Any, order: Any) -> np.dtype | None:
    """Return a type of numbers; None of anything else."""
    try:
        item = np.dtype(str(code)).newbyteorder("=" if order == "|" else order)
    except (TypeError, ValueError) as error:
        raise pickle.UnpicklingError("a type that is none") from error
    return item if item.kind in "fiub" else None


def array_of(data: Any = None, item: Any = None, shape: Any = (), order: Any = "C") -> Any:
    """Return an array of numbers; None of anything else."""
    dtype = item.value if isinstance(item, Left) else None
    if not isinstance(dtype, np.dtype) or not isinstance(data, bytes):
        return None
    try:
        return np.frombuffer(data, dtype).reshape(shape, order=order)
    except (TypeError, ValueError, OverflowError) as error:
        raise pickle.UnpicklingError("an array that is none") from error


def tensor_of(storage: Any = None, offset: Any = 0, size: Any = None, stride: Any = None) -> Tensor:
    """Return a tensor, which lies within its storage."""
    sizes, strides = (tuple(x) if isinstance(x, tuple | list) else (None,) for x in (size, stride))
    is_known = isinstance(storage, Storage) and len(sizes) == len(strides)
    if not is_known or not are_counts((offset, *sizes, *strides)):
        raise pickle.UnpicklingError("a tensor of no storage, size or stride")
    last = sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if prod(sizes) and offset + last >= storage.count:
        raise pickle.UnpicklingError("a tensor beyond its storage")
    return Tensor(storage, offset, sizes, strides)


def are_counts(values: tuple[Any, ...]) -> bool:
    """Whether all are integers that count something."""
    return all(type(value) is int and 0 <= value < 2**48 for value in values)
