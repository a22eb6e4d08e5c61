"""The variables of an HDF5 file, read in a process of its own.

A damaged file can keep libhdf5 busy for ever, or end the process that it is in: a limit of time and
a process apart make an error of both. `python -m weights.importers.containers.hdf5 SOURCE DATA
TARGET` writes what it found as a safetensors file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.importers.containers.container import Arrays, needed
from weights.importers.containers.description import ENTRY
from weights.importers.expansion import check_expansion
from weights.storage import PathLike, read_safetensors, write_safetensors

LONGEST = 60.0
FOUND, REFUSED = "found", 3


def read_apart(path: PathLike, data: bytes) -> tuple[Arrays, dict[str, str], str | None]:
    """Variables by name, labels by name, and the description, of the bytes of a file.

    Raises `FormatError` and `ImportRefused` in the name of `path`.
    """
    with needed(f"reading {path}", "tf"):
        import h5py  # noqa: F401  # or the process apart would miss it
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source.h5"), Path(folder, "found.safetensors")
        source.write_bytes(data)
        _run(path, source, target)
        arrays, metadata = read_safetensors(target)
    found = json.loads(metadata[FOUND])
    return arrays, found["labels"], found["text"]


def _run(path: PathLike, source: Path, target: Path) -> None:
    command = [sys.executable, "-m", __name__, *map(str, (path, source, target))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        raise FormatError(
            f"{path} is not a whole HDF5 file of Keras: reading it takes more than {LONGEST:g} s"
        ) from None
    if done.returncode == REFUSED:
        raise ImportRefused(done.stderr.rstrip("\n"))
    if done.returncode or not target.exists():
        raise FormatError(f"{path} is not a whole HDF5 file of Keras")


def read_here(path: PathLike, source: Path) -> tuple[Arrays, dict[str, str], str | None]:
    """The same in this process, of a file that can be trusted."""
    import h5py

    arrays: Arrays = {}
    labels: dict[str, str] = {}
    size = 0

    def visit(name: str, item: Any) -> None:
        nonlocal size
        if isinstance(item, h5py.Dataset) and name != ENTRY:
            _check_dataset(path, name, item)
            size += item.nbytes
            check_expansion(path, size)
            arrays[name] = _array(item)
        elif "name" in item.attrs:
            labels[name.removesuffix("/vars")] = str(item.attrs["name"])

    with h5py.File(source, "r") as file:
        text = file[ENTRY][()].decode() if ENTRY in file else None
        file.visititems(visit)
    return arrays, labels, text


def _check_dataset(path: PathLike, name: str, dataset: Any) -> None:
    """Raise `ImportRefused` for anything but numbers that the file itself holds."""
    if dataset.external or dataset.is_virtual:
        raise ImportRefused(f"{path}: {name!r} must be in the file, got a reference to other files")
    if dataset.dtype.kind == "O":
        raise ImportRefused(f"{path}: {name!r} must be an array of numbers, got objects")


def _array(dataset: Any) -> np.ndarray:
    # h5py knows no bfloat16: Keras stores the bits and says so.
    if dataset.attrs.get("dtype") == "bfloat16":
        return np.asarray(dataset[()]).view(ml_dtypes.bfloat16)
    return np.asarray(dataset[()])


def main(path: str, source: str, target: str) -> int:
    """Read, and write what was found; any other exception than a refusal ends the process."""
    try:
        arrays, labels, text = read_here(path, Path(source))
    except ImportRefused as error:
        print(error, file=sys.stderr)
        return REFUSED
    found = json.dumps({"labels": labels, "text": text})
    write_safetensors(target, arrays, {FOUND: found})
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
