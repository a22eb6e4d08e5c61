"""The variables of an HDF5 file, read in a process of its own.

A damaged file can keep libhdf5 busy for ever, take all memory, or end the process that it is in:
limits and a process apart make an error of each. `main` writes what it found as a safetensors file.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from weights import child
from weights.errors import FormatError, GhostError, ImportRefused
from weights.files.storage import PathLike, read_safetensors, write_safetensors
from weights.importers.checkpoints import ENTRY, Arrays
from weights.importers.expansion import check_expansion, memory_limit

# Seconds of the clock; seconds of the processor, for any file and for each of its bytes.
LONGEST, WORK, WORK_PER_BYTE = 60.0, 1.0, 1e-7
FOUND, REFUSED = "found", 3
# Keras stores bfloat16, which HDF5 lacks, as raw pairs of bytes.
BFLOAT16 = np.dtype("V2")
# A description names a few thousand classes at most.
LARGEST_TEXT = 1 << 24
# Keeps libhdf5 from loading filters from shared libraries.
NO_PLUGINS = {"HDF5_PLUGIN_PRELOAD": "::"}


def read_apart(path: PathLike, data: bytes, size: int) -> tuple[Arrays, dict[str, str], str | None]:
    """Read variables by name, labels by name, and the description, from an HDF5 file's bytes.

    `size` is that of the file at `path`, in whose name `FormatError` and `ImportRefused` are
    raised.
    """
    if find_spec("h5py") is None:
        raise GhostError(
            f"reading {path} needs h5py, which is not installed: pip install 'ghostconv[tf]'"
        )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "source.h5").write_bytes(data)
        _run(path, size, folder)
        arrays, metadata = read_safetensors(Path(folder, "found.safetensors"))
    found = json.loads(metadata[FOUND])
    return arrays, found["labels"], found["text"]


def _run(path: PathLike, size: int, folder: str) -> None:
    command = child.python(__name__, str(path), str(size))
    environment = os.environ | NO_PLUGINS
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _too_long(path, LONGEST) from None
    if done.returncode == REFUSED:
        raise ImportRefused(done.stderr.rstrip("\n"))
    if done.returncode == -getattr(signal, "SIGPROF", 0):
        raise _too_long(path, _work(size))
    if done.returncode or not Path(folder, "found.safetensors").exists():
        raise FormatError(f"{path} is not a whole HDF5 file of Keras")


def _too_long(path: PathLike, seconds: float) -> FormatError:
    return FormatError(
        f"{path} is not a whole HDF5 file of Keras: reading it takes more than {seconds:g} s"
    )


def read_here(path: PathLike, source: Path, size: int) -> tuple[Arrays, dict[str, str], str | None]:
    """Read the same in this process, from the file `source`, which must be trusted."""
    import h5py

    arrays: Arrays = {}
    labels: dict[str, str] = {}
    expanded = 0

    def visit(name: str, item: Any) -> None:
        nonlocal expanded
        if isinstance(item, h5py.Dataset) and name != ENTRY:
            _check_dataset(path, name, item)
            expanded += item.nbytes
            check_expansion(path, expanded, size)
            arrays[name] = _array(item)
        elif "name" in item.attrs:
            labels[name.removesuffix("/vars")] = str(item.attrs["name"])

    with h5py.File(source, "r") as file:
        _check_links(path, file)
        text = _text(path, file[ENTRY]) if ENTRY in file else None
        file.visititems(visit)
    return arrays, labels, text


def _check_links(path: PathLike, file: Any) -> None:
    """Raise `ImportRefused` for a link by name, before anything follows one to another file."""
    import h5py

    def visit(name: bytes, link: Any) -> bytes | None:
        return None if link.type == h5py.h5l.TYPE_HARD else name

    found = file.id.links.visit(visit, info=True)
    if found is not None:
        name = found.decode(errors="replace")
        raise ImportRefused(f"{path}: {name!r} must be in the file itself, got a link")


def _text(path: PathLike, entry: Any) -> str:
    """Read the description, a string that the file itself holds."""
    import h5py

    if not isinstance(entry, h5py.Dataset):
        raise ImportRefused(f"{path}: {ENTRY!r} must be a string, got a group")
    _check_place(path, ENTRY, entry)
    kind = h5py.check_string_dtype(entry.dtype)
    is_string = kind is not None and entry.shape == () and (kind.length or 0) <= LARGEST_TEXT
    # The length of a string of variable length is known when it is read: memory is limited.
    found = bytes(entry[()]) if is_string else b""
    if not is_string or len(found) > LARGEST_TEXT:
        raise ImportRefused(f"{path}: {ENTRY!r} must be a string of {LARGEST_TEXT} bytes at most")
    return found.decode()


def _check_dataset(path: PathLike, name: str, dataset: Any) -> None:
    """Raise `ImportRefused` for anything but numbers that the file itself holds."""
    _check_place(path, name, dataset)
    if dataset.dtype.kind not in "biuf" and dataset.dtype != BFLOAT16:
        raise ImportRefused(f"{path}: {name!r} must be an array of numbers, got {dataset.dtype}")


def _check_place(path: PathLike, name: str, dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        raise ImportRefused(f"{path}: {name!r} must be in the file, got a reference to other files")


def _array(dataset: Any) -> np.ndarray:
    # Keras stores the bits of bfloat16, and says so.
    if dataset.attrs.get("dtype") == "bfloat16":
        return np.asarray(dataset[()]).view(ml_dtypes.bfloat16)
    return np.asarray(dataset[()])


def _work(size: int) -> float:
    return WORK + WORK_PER_BYTE * size


def _limit(size: int) -> None:
    """End this process where it takes more time or memory than a sound file of that size."""
    with contextlib.suppress(ImportError, OSError):
        import resource  # neither this nor /proc is everywhere

        signal.setitimer(signal.ITIMER_PROF, _work(size))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + 2 * memory_limit(size)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(path: str, size: str) -> int:
    """Read, and write what was found; any other exception than a refusal ends the process."""
    _limit(int(size))
    try:
        arrays, labels, text = read_here(path, Path("source.h5"), int(size))
    except ImportRefused as error:
        print(error, file=sys.stderr)
        return REFUSED
    found = json.dumps({"labels": labels, "text": text})
    write_safetensors("found.safetensors", arrays, {FOUND: found})
    return 0
