"""NumPy archives: canonical names and layouts, and the description as one more entry."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from weights.files import file_types
from weights.files.file import WeightFile
from weights.files.storage import PathLike
from weights.files.writing import check_writable, write_atomically
from weights.importers.checkpoints import ENTRY, Checkpoint, Description, without_counters
from weights.importers.containers.container import Container, Specs
from weights.importers.files import read_arrays
from weights.importers.importer import unchanged
from weights.importers.names import strip_wrappers
from weights.tensors import DTYPES

BFLOAT16 = DTYPES["BF16"]
# NumPy's files have no bfloat16: its bits are stored as raw pairs of bytes.
RAW = np.dtype("V2")


def read(path: PathLike) -> Checkpoint:
    """Read the arrays of an archive, wrappers and counters taken off."""
    arrays = read_arrays(path)
    text = arrays.pop(ENTRY, None)
    checkpoint = without_counters(path, arrays)
    prefix = strip_wrappers(list(checkpoint.tensors))
    tensors = {
        name.removeprefix(prefix): array.view(BFLOAT16) if array.dtype == RAW else array
        for name, array in checkpoint.tensors.items()
    }
    is_text = text is not None and text.dtype.kind == "U" and text.ndim == 0
    description = Description.parse(path, str(text) if is_text else text)
    return replace(checkpoint, tensors=tensors, prefix=prefix, description=description)


def places(description: Description, specs: Specs) -> Specs:
    """Return the tensors as they are: under their own names and in their own shapes."""
    return specs


def write(file: WeightFile, path: PathLike, overwrite: bool) -> None:
    """Write the archive; `np.load(path)` reads it, nothing in it is pickled."""
    check_writable(path, overwrite=overwrite)
    arrays = {
        name: array.view(RAW) if array.dtype == BFLOAT16 else array
        for name, array in file.tensors.items()
    }
    entry = {ENTRY: np.array(Description.of(file).to_json())}
    stream = io.BytesIO()
    np.savez(stream, **arrays, **entry)  # type: ignore[arg-type]
    write_atomically(Path(path), stream.getvalue(), overwrite=overwrite)


NPZ = Container("npz", "npz", read, places, unchanged, write, (file_types.NPZ, file_types.ZIP))
