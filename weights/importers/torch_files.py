"""Files of torch.save: checked from end to end, then read by PyTorch itself."""

import io
import os
import pickle
import zipfile
from collections.abc import Iterable
from typing import Any, BinaryIO

from weights.errors import FormatError, ImportRefused
from weights.files.storage import PathLike, opened
from weights.importers.expansion import check_members
from weights.importers.torch_pickles import ForeignGlobal, Reader, Storage
from weights.text import brief

PICKLE = "/data.pkl"
# How files of PyTorch before 1.6 begin; a version and the machine's properties follow.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
PICKLES_BEFORE = 3


def load(torch: Any, path: PathLike) -> Any:
    """Load a file of torch.save, which may hold tensors, numbers and strings only.

    Takes the file's size once for what is read, and once more for the tensors. Raises `FormatError`
    where it is damaged, `ImportRefused` where it holds or claims anything else.
    """
    with opened(path) as stream:
        try:
            checked = _checked(path, stream)
            return torch.load(checked, weights_only=True, map_location="cpu")
        except (ImportRefused, OSError):
            raise
        except ForeignGlobal as error:
            raise ImportRefused(
                f"{path} holds more than tensors: it asks for {brief(str(error))}, and reading "
                "that could run any code; where it was made, save module.state_dict() instead"
            ) from None
        except pickle.UnpicklingError:
            raise ImportRefused(
                f"{path} holds more than tensors (a pickled module, say), and reading that could "
                "run any code: where it was made, save module.state_dict() instead"
            ) from None
        except Exception:  # of whatever kind the unpickler trips over
            raise FormatError(f"{path} is not a whole PyTorch file") from None


def _checked(path: PathLike, stream: BinaryIO) -> BinaryIO:
    """Return the content of a file, known to hold what it claims."""
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(len(LEGACY))
    stream.seek(0)
    if start.startswith(b"PK"):
        return _checked_archive(path, stream, size)
    copy = io.BytesIO(stream.read())
    if start != LEGACY:  # a pickle that torch.save did not write
        Reader(copy, size).load()
        raise FormatError(f"{path} is not a whole PyTorch file")
    for _ in range(PICKLES_BEFORE):
        Reader(copy, size).load()
    reader = Reader(copy, size)
    reader.load()
    _check_sum(path, reader.storages.values(), size)
    copy.seek(0)
    return copy


def _checked_archive(path: PathLike, stream: BinaryIO, size: int) -> BinaryIO:
    # PyTorch reads archives in its own way: it gets one that is written anew here.
    copy = io.BytesIO()
    with zipfile.ZipFile(stream) as archive, zipfile.ZipFile(copy, "w") as written:
        check_members(path, archive, size)
        members = {each.filename: each for each in archive.infolist()}
        if any(each.compress_type != zipfile.ZIP_STORED for each in members.values()):
            raise ImportRefused(f"{path} is compressed, which torch.save does not: save it again")
        names = [name for name in members if name.endswith(PICKLE) and name.count("/") == 1]
        if len(names) != 1 or sum(each.file_size for each in members.values()) > size:
            raise FormatError(f"{path} is not a whole PyTorch file")
        reader = Reader(io.BytesIO(archive.read(names[0])), size)
        reader.load()
        folder = names[0].removesuffix(PICKLE)
        for storage in reader.storages.values():
            record = members[f"{folder}/data/{storage.key}"]
            _check_sum(path, [storage], record.file_size)
        for name in members:
            written.writestr(zipfile.ZipInfo(name), archive.read(name))
    copy.seek(0)
    return copy


def _check_sum(path: PathLike, storages: Iterable[Storage], size: int) -> None:
    claimed = sum(storage.count * storage.item_size for storage in storages)
    if claimed > size:
        raise ImportRefused(f"{path} claims {claimed} bytes of numbers where it has {size}")
