"""Pickles, read without running anything that they ask for.

They may make dicts, lists, numbers and strings, arrays of NumPy, and tensors on storages that the
file holds. Plain values of other kinds, which training scripts save beside weights, become their
names. Nothing is looked up or called, and no memory is taken for data that is only claimed.
"""

import pickle
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from weights.importers.pickling.operations import (
    OPERATIONS,
    Operations,
    byte_array,
    new_dict,
    set_item,
    set_marked,
)
from weights.importers.pickling.values import (
    ARRAYS,
    COLLECTIONS,
    DTYPE,
    ENCODE,
    FROM_BUFFER,
    HARMLESS,
    KNOWN,
    NESTED,
    ORDERED,
    PARAMETER,
    STORAGES,
    TENSORS,
    ForeignGlobal,
    Left,
    Name,
    OrderedMapping,
    Storage,
    Tensor,
    are_counts,
    array_of,
    built,
    tensor_of,
)  # fmt: skip


class Reader(pickle._Unpickler):
    """A reader of pickles; `storages` are those that the pickle claims.

    `nested` reads the file of one storage, and returns it with its numbers, which `numbers` keeps.
    Raises `pickle.UnpicklingError` for what is not on the lists.
    """

    stack: list[Any]

    def __init__(
        self, stream: BinaryIO, size: int,
        nested: Callable[[bytes], tuple[Storage, bytes]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(stream, encoding="latin1")
        self.storages: dict[str, Storage] = {}
        self.numbers: dict[str, bytes] = {}
        self._nested = nested
        # Calls copy their arguments, which together may not be longer than the file.
        self._room = size
        known = {getattr(pickle, name)[0] for name in OPERATIONS.split()}
        inherited = {code: call for code, call in super().dispatch.items() if code in known}
        self.dispatch = Operations({**inherited, **OWN})  # type: ignore[misc]

    def find_class(self, module: str, name: str) -> Any:
        """Return the name alone, never the function or type."""
        full = f"{module}.{name}"
        is_type = module in ("torch", "numpy") and name.islower() and name.isidentifier()
        if full not in KNOWN and not is_type:
            raise ForeignGlobal(full)
        return Name(full)

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage of an id."""
        is_known = isinstance(pid, tuple) and len(pid) >= 5 and pid[0] in ("storage", b"storage")
        if not is_known or not isinstance(pid[1], Name) or pid[1].name not in STORAGES:
            raise pickle.UnpicklingError("it names something else than a storage")
        key, count = str(pid[2]), pid[4]
        if not are_counts((count,)) or any(view is not None for view in pid[5:]):
            raise pickle.UnpicklingError("a storage without a size, or a view of another")
        storage = Storage(key, count, STORAGES[pid[1].name])
        if self.storages.setdefault(key, storage) != storage:
            raise pickle.UnpicklingError("a storage of two sizes")
        return storage

    def reduce(self) -> None:
        """Note what a call would make."""
        arguments = self.stack.pop()
        called = self.stack[-1]
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("it calls what is no function")
        self.stack[-1] = self._called(called.name, arguments)

    def build(self) -> None:
        """Set the attributes of an object."""
        attributes = self.stack.pop()
        made = self.stack[-1]
        if isinstance(made, OrderedMapping):
            made.attributes = attributes
        elif isinstance(made, Left):
            made.value = built(made, attributes)
        else:
            raise pickle.UnpicklingError("it sets attributes of something else than a dict")

    def add_items(self) -> None:
        """Leave the items of a set out, unhashed."""
        self.pop_mark()  # type: ignore[attr-defined]

    def freeze(self) -> None:
        """Leave the items of a frozen set out, unhashed."""
        self.pop_mark()  # type: ignore[attr-defined]
        self.stack.append(Left("frozenset"))

    def empty_set(self) -> None:
        """Begin a set, whose items are left out."""
        self.stack.append(Left("set"))

    def _called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in TENSORS:
            return tensor_of(*arguments[:4])
        if name == PARAMETER:
            if not arguments or not isinstance(arguments[0], Tensor):
                raise pickle.UnpicklingError("a parameter of no tensor")
            return arguments[0]
        if name == NESTED:
            return self._nested_storage(*arguments)
        if name in COLLECTIONS:
            return self._collected(name, arguments)
        if name == ENCODE:
            return self._encoded(*arguments)
        if name in ARRAYS or name == DTYPE:
            return Left(name, arguments[0] if arguments else None)
        if name in FROM_BUFFER:
            return Left(name, array_of(*arguments))
        if name in HARMLESS:
            return Left(name)
        raise pickle.UnpicklingError(f"it calls {name}")

    def _take(self, count: int) -> None:
        self._room -= count
        if self._room < 0:
            raise pickle.UnpicklingError("copies of more than the file holds")

    def _nested_storage(self, data: Any, *others: Any) -> Storage:
        if self._nested is None or not isinstance(data, bytes) or others:
            raise pickle.UnpicklingError("a storage in a storage")
        self._take(len(data))
        storage, numbers = self._nested(data)
        key = f"nested {len(self.numbers)}"
        self.numbers[key] = numbers
        return self.storages.setdefault(key, Storage(key, storage.count, storage.item))

    def _collected(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Return a collection, empty but for an OrderedDict of pairs."""
        if len(arguments) > 1 or not all(isinstance(x, list | tuple | Mapping) for x in arguments):
            raise pickle.UnpicklingError("a collection of something else than a list")
        self._take(sum(map(len, arguments)))
        pairs = arguments[0] if name == ORDERED and arguments else []
        is_pairs = isinstance(pairs, list) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
            for pair in pairs
        )
        return OrderedMapping(pairs if is_pairs else [])

    def _encoded(self, text: Any, encoding: Any = "latin1", *others: Any) -> bytes:
        """Return bytes that an old protocol writes as text."""
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1") or others:
            raise pickle.UnpicklingError("bytes of something else than text")
        self._take(len(text))
        return text.encode("latin1")


# In place of the inherited ones, which would call or hash what a file says.
OWN: Mapping[int, Callable[[Any], None]] = {
    pickle.REDUCE[0]: Reader.reduce,
    pickle.NEWOBJ[0]: Reader.reduce,
    pickle.BUILD[0]: Reader.build,
    pickle.EMPTY_SET[0]: Reader.empty_set,
    pickle.ADDITEMS[0]: Reader.add_items,
    pickle.FROZENSET[0]: Reader.freeze,
    pickle.SETITEM[0]: set_item,
    pickle.SETITEMS[0]: set_marked,
    pickle.DICT[0]: new_dict,
    pickle.BYTEARRAY8[0]: byte_array,
}
