"""Archives of other tools: no objects, no references, no bombs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from weights import ImportRefused
from weights.importers.containers.keras_files import read_variables
from weights.importers.files import read_arrays

GIGABYTE = 1 << 30


def test_an_npz_that_expands_beyond_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(96 << 18, np.float32))

    with pytest.raises(ImportRefused, match=r"would take 100663\d+ bytes of memory, more than"):
        read_arrays(path)


def test_an_npz_of_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, a=np.array([{}], object))

    with pytest.raises(ImportRefused, match="holds pickled objects"):
        read_arrays(path)


def test_an_hdf5_file_that_expands_beyond_measure_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "bomb.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (GIGABYTE,), np.float32, compression="gzip", fillvalue=0)

    with pytest.raises(ImportRefused, match="would take 4294967296 bytes of memory"):
        read_variables(path)


@pytest.mark.parametrize("kind", ["external", "virtual", "objects"])
def test_an_hdf5_file_that_holds_something_else_is_refused(kind: str, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "other.weights.h5"
    with h5py.File(path, "w") as file:
        if kind == "external":
            file.create_dataset("a", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "u1")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
            file.create_virtual_dataset("a", layout)
        else:
            file.create_dataset("a", data=["text"], dtype=h5py.string_dtype())

    with pytest.raises(ImportRefused, match=r"'a' must be (in the file|an array of numbers), got"):
        read_variables(path)
