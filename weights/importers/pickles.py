"""What a pickle asks for, found without running it."""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator

from weights.storage import PathLike, opened

# A state dict of thousands of tensors has a pickle of less than a megabyte.
LARGEST = 1 << 24
# The old format of torch.save is several pickles, of which the fourth is the content.
MOST_PICKLES = 4
PLAIN = ("collections.OrderedDict", "torch.Size", "torch.device", "torch.Tensor")
PLAIN_STARTS = ("torch._utils._rebuild_", "torch.nn.parameter.Parameter")


def foreign_global(path: PathLike) -> str | None:
    """The first class or function that a file of torch.save asks for and no state dict needs.

    None where it asks for none, or is too damaged to tell.
    """
    try:
        return next((name for name in _globals(_pickle(path)) if not _is_plain(name)), None)
    except Exception:  # of whatever kind zipfile and pickletools trip over
        return None


def _pickle(path: PathLike) -> bytes:
    with opened(path) as stream:
        if not zipfile.is_zipfile(stream):
            stream.seek(0)
            return stream.read(LARGEST)
        with zipfile.ZipFile(stream) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(name) as member:
                return member.read(LARGEST)


def _globals(data: bytes) -> Iterator[str]:
    """Every global, in order.

    >>> import pickle
    >>> list(_globals(pickle.dumps(print, protocol=4)))
    ['builtins.print']
    """
    stream = io.BytesIO(data)
    for _ in range(MOST_PICKLES):
        if stream.tell() == len(data):
            return
        texts: list[str] = []
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in ("GLOBAL", "INST"):
                yield str(argument).replace(" ", ".")
            elif opcode.name == "STACK_GLOBAL":
                yield ".".join(texts[-2:])
            elif isinstance(argument, str):
                texts.append(argument)


def _is_plain(name: str) -> bool:
    is_storage = name.startswith("torch.") and name.endswith("Storage")
    return is_storage or name in PLAIN or name.startswith(PLAIN_STARTS)
