"""The pickles of torch.save, checked before PyTorch reads them.

They may make dicts, lists, numbers and strings, and tensors on storages that the file holds.
Nothing is called, and no memory is taken for data that is only claimed.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

# A network, its averages and its optimizer's state take fewer.
MOST_OPERATIONS = 500_000
ITEM_SIZES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1,
    "Byte": 1, "Bool": 1, "ComplexDouble": 16, "ComplexFloat": 8,
}  # fmt: skip
STORAGES = {
    f"{module}.{name}Storage": size
    for module in ("torch", "torch.cuda")
    for name, size in ITEM_SIZES.items()
}
TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
PARAMETER = "torch._utils._rebuild_parameter"
# Made of one list, tuple or dict, or of nothing; counters are those of schedules.
COLLECTIONS = ("collections.OrderedDict", "collections.Counter", "torch.Size", "builtins.set",
               "__builtin__.set")  # fmt: skip
# Made of strings and numbers.
SMALL = ("torch.device", "_codecs.encode")
OPERATIONS = """
    PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2
    LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 STRING
    BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 EMPTY_TUPLE TUPLE TUPLE1
    TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET
    ADDITEMS FROZENSET GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL
    STACK_GLOBAL BINPERSID
"""


@dataclass(frozen=True)
class Storage:
    """Numbers that the file claims to hold, under a key."""

    key: str
    count: int
    item_size: int


@dataclass(frozen=True)
class _Name:
    """A function or type, by its name alone."""

    name: str


class ForeignGlobal(pickle.UnpicklingError):
    """A function or type that no state dict needs; its text is the name."""


class _Made:
    """The result of a call, which is not made."""

    __slots__ = ()


class _Mapping(dict[Any, Any]):
    """An OrderedDict, whose attributes are ignored."""


class _Operations(dict[int, Callable[[Any], None]]):
    """The operations by their codes; raises for others, and for too many."""

    left = MOST_OPERATIONS

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self.left -= 1
        if self.left < 0:
            raise pickle.UnpicklingError("too many operations")
        if code not in self:
            raise pickle.UnpicklingError(f"the operation {code} is not one of tensors")
        return super().__getitem__(code)


class Reader(pickle._Unpickler):
    """A reader of pickles that checks them; `storages` are those that the pickle claims.

    Raises `pickle.UnpicklingError` for what is not on the list.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__(stream)
        self.storages: dict[str, Storage] = {}
        # Calls copy their arguments, which together may not be longer than the file.
        self._room = size
        known = {getattr(pickle, name)[0] for name in OPERATIONS.split()}
        own = {pickle.REDUCE[0]: Reader._reduce, pickle.BUILD[0]: Reader._build}
        inherited = {code: call for code, call in super().dispatch.items() if code in known}
        self.dispatch = _Operations(inherited | own)  # type: ignore[misc]

    def find_class(self, module: str, name: str) -> Any:
        """Return the name alone, never the function or type."""
        full = f"{module}.{name}"
        is_type = module == "torch" and name.islower() and name.isidentifier()
        if full not in (*STORAGES, *TENSORS, PARAMETER, *COLLECTIONS, *SMALL) and not is_type:
            raise ForeignGlobal(full)
        return _Name(full)

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage of an id."""
        is_known = isinstance(pid, tuple) and len(pid) >= 5 and pid[0] in ("storage", b"storage")
        if not is_known or not isinstance(pid[1], _Name) or pid[1].name not in STORAGES:
            raise pickle.UnpicklingError("it names something else than a storage")
        key, count = str(pid[2]), pid[4]
        if not _are_counts((count,)) or any(view is not None for view in pid[5:]):
            raise pickle.UnpicklingError("a storage without a size, or a view of another")
        storage = Storage(key, count, STORAGES[pid[1].name])
        if self.storages.setdefault(key, storage) != storage:
            raise pickle.UnpicklingError("a storage of two sizes")
        return storage

    def _reduce(self) -> None:
        arguments = self.stack.pop()  # type: ignore[attr-defined]
        called = self.stack[-1]  # type: ignore[attr-defined]
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("it calls what is no function")
        self.stack[-1] = self._called(called.name, arguments)  # type: ignore[attr-defined]

    def _called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in TENSORS:
            _check_tensor(*arguments[:4])
        elif name == PARAMETER:
            if not arguments or not isinstance(arguments[0], _Made):
                raise pickle.UnpicklingError("a parameter of no tensor")
        elif name in COLLECTIONS:
            return self._collected(arguments)
        elif name not in SMALL or not all(isinstance(each, str | int) for each in arguments):
            raise pickle.UnpicklingError(f"it calls {name}")
        return _Made()

    def _collected(self, arguments: tuple[Any, ...]) -> Any:
        """Return an empty collection: the reader has checked what it is made of already."""
        if len(arguments) > 1 or not all(isinstance(x, list | tuple | Mapping) for x in arguments):
            raise pickle.UnpicklingError("a collection of something else than a list")
        self._room -= sum(map(len, arguments))
        if self._room < 0:
            raise pickle.UnpicklingError("collections of more than the file holds")
        return _Mapping()

    def _build(self) -> None:
        self.stack.pop()  # type: ignore[attr-defined]
        if not isinstance(self.stack[-1], _Mapping):  # type: ignore[attr-defined]
            raise pickle.UnpicklingError("it sets attributes of something else than a dict")


def _check_tensor(storage: Any, offset: Any, size: Any, stride: Any) -> None:
    """Raise unless the tensor lies within its storage, which PyTorch would make larger."""
    sizes, strides = (tuple(x) if isinstance(x, tuple | list) else (None,) for x in (size, stride))
    is_known = isinstance(storage, Storage) and len(sizes) == len(strides)
    if not is_known or not _are_counts((offset, *sizes, *strides)):
        raise pickle.UnpicklingError("a tensor of no storage, size or stride")
    last = sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if prod(sizes) and offset + last >= storage.count:
        raise pickle.UnpicklingError("a tensor beyond its storage")


def _are_counts(values: tuple[Any, ...]) -> bool:
    return all(type(value) is int and 0 <= value < 2**48 for value in values)
