"""Files of torch.save, and plain pickles of arrays: read from end to end without PyTorch."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files.storage import PathLike, opened
from weights.importers.expansion import check_members
from weights.importers.pickling.reader import Reader
from weights.importers.pickling.values import ForeignGlobal, Left, Storage, Tensor
from weights.text import brief

PICKLE = "/data.pkl"
# How files of PyTorch before 1.6 begin; a version and the machine's properties follow.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
PICKLES_BEFORE = 3
# How the functions begin that make tensors, among them those of kinds that are not read.
UNUSUAL_TENSOR = "torch._utils._rebuild_"
# Members that tell archives of PyTorch's programs.
PROGRAMS = {
    "/code/": "a module of torch.jit.save",
    "/archive_format": "a program of torch.export.save",
}
# Before the numbers of a storage of an old file stands their count.
COUNT = np.dtype("<i8")


@dataclass(frozen=True)
class Content:
    """The content of a file: its value, whose tensors `array` makes of the numbers in it."""

    value: Any
    numbers: Callable[[Storage], bytes] = field(repr=False)

    def array(self, found: Any) -> np.ndarray | None:
        """Return a tensor or an array of NumPy as an array, None for anything else."""
        if isinstance(found, Left) and isinstance(found.value, np.ndarray):
            return found.value
        if not isinstance(found, Tensor):
            return None
        return found.array(self.numbers(found.storage))


def load(path: PathLike) -> Content:
    """Read a file of torch.save or a plain pickle.

    Raises `FormatError` where it is damaged, `ImportRefused` where it asks for a function or a
    type that no checkpoint of tensors needs, or claims more than it holds.
    """
    with opened(path) as stream:
        try:
            return _content(path, stream)
        except (ImportRefused, OSError):
            raise
        except ForeignGlobal as error:
            raise ImportRefused(f"{path} {_asks_for(str(error))}") from None
        except pickle.UnpicklingError:
            raise ImportRefused(
                f"{path} holds more than tensors (a pickled module, say), and reading that could "
                "run any code: where it was made, save module.state_dict() instead"
            ) from None
        except Exception:  # of whatever kind the unpickler trips over
            raise FormatError(f"{path} is not a whole PyTorch file") from None


def _asks_for(name: str) -> str:
    """Return that a file asks for what is not made of it, and how to do without."""
    if name.startswith(UNUSUAL_TENSOR):
        return (
            f"holds a tensor of a kind that is not read, {brief(name)} (quantised, sparse, of 8 "
            "bits, or without numbers): where it was made, save it as float32 by "
            "tensor.dequantize(), to_dense() or float()"
        )
    return (
        f"holds more than tensors: it asks for {brief(name)}, and reading that could run any code; "
        "where it was made, save module.state_dict() instead"
    )


def _content(path: PathLike, stream: BinaryIO) -> Content:
    size = os.fstat(stream.fileno()).st_size
    data = stream.read()
    if data.startswith(b"PK"):
        return _archived(path, data)
    if data.startswith(LEGACY):
        value, numbers = _legacy(path, data)
        return Content(value, lambda storage: numbers[storage.key])
    reader = Reader(io.BytesIO(data), size, lambda nested: _nested(path, nested))
    return Content(reader.load(), lambda storage: reader.numbers[storage.key])


def _archived(path: PathLike, data: bytes) -> Content:
    archive = zipfile.ZipFile(io.BytesIO(data))
    check_members(path, archive, len(data))
    members = {each.filename: each for each in archive.infolist()}
    check_no_program(path, members)
    if any(each.compress_type != zipfile.ZIP_STORED for each in members.values()):
        raise ImportRefused(f"{path} is compressed, which torch.save does not: save it again")
    names = [name for name in members if name.endswith(PICKLE) and name.count("/") == 1]
    if len(names) != 1 or sum(each.file_size for each in members.values()) > len(data):
        raise FormatError(f"{path} is not a whole PyTorch file")
    folder = names[0].removesuffix(PICKLE)
    order = f"{folder}/byteorder"
    if order in members and archive.read(order) != b"little":
        raise ImportRefused(f"{path} is of a big-endian machine: save it on another")
    reader = Reader(io.BytesIO(archive.read(names[0])), len(data))
    value = reader.load()
    for storage in reader.storages.values():
        _check_size(path, storage.size, members[f"{folder}/data/{storage.key}"].file_size)
    # Read at once, since only a whole archive is one.
    numbers = {key: archive.read(f"{folder}/data/{key}") for key in reader.storages}
    return Content(value, lambda storage: numbers[storage.key])


def check_no_program(path: PathLike, names: Collection[str]) -> None:
    """Raise `ImportRefused` for the archive of a program, by the names of its members."""
    for member, what in PROGRAMS.items():
        if any(member in name for name in names):
            raise ImportRefused(f"{path} is {what}: where it was made, save module.state_dict()")


def _legacy(path: PathLike, data: bytes) -> tuple[Any, dict[str, bytes]]:
    """Return the value of a file of old, and the numbers of its storages by key."""
    stream = io.BytesIO(data)
    for _ in range(PICKLES_BEFORE):
        Reader(stream, len(data)).load()
    reader = Reader(stream, len(data))
    value = reader.load()
    _check_size(path, sum(each.size for each in reader.storages.values()), len(data))
    numbers = {}
    for key in map(str, Reader(stream, len(data)).load()):
        storage = reader.storages[key]
        (count,) = np.frombuffer(stream.read(COUNT.itemsize), COUNT)
        numbers[key] = stream.read(storage.size)
        if count != storage.count or len(numbers[key]) != storage.size:
            raise FormatError(f"{path} is not a whole PyTorch file")
    return value, numbers


def _nested(path: PathLike, data: bytes) -> tuple[Storage, bytes]:
    value, numbers = _legacy(path, data)
    if not isinstance(value, Storage):
        raise pickle.UnpicklingError("a storage that is none")
    return value, numbers[value.key]


def _check_size(path: PathLike, claimed: int, size: int) -> None:
    if claimed > size:
        raise ImportRefused(f"{path} claims {claimed} bytes of numbers where it has {size}")
