"""Archives of other tools: no objects, no references, no bombs."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from weights import FormatError, ImportRefused
from weights.files.metadata import ENTRY
from weights.importers import import_file
from weights.importers.containers.keras_h5 import read_variables
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a", ENTRY])
@pytest.mark.parametrize("kind", ["soft", "external"])
def test_an_hdf5_file_that_links_by_name_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "links.weights.h5"
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(path, "w") as file:
        link = h5py.ExternalLink(str(tmp_path / "pipe"), "/x")
        file[name] = h5py.SoftLink("/elsewhere") if kind == "soft" else link

    with pytest.raises(ImportRefused, match=f"'{name}' must be in the file itself, got a link"):
        import_file(path, "keras")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["external", "virtual", "pipe", "numbers", "group", "long"])
def test_a_description_that_is_no_text_of_the_file_is_refused(kind: str, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path, secret = tmp_path / "other.weights.h5", tmp_path / "secret"
    secret.write_text('{"architecture": "ghost_conv"}')
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(path, "w") as file:
        if kind in ("external", "pipe"):
            place = secret if kind == "external" else tmp_path / "pipe"
            file.create_dataset(ENTRY, (1,), "S30", external=[(str(place), 0, 30)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((1,), "S30")
            layout[:] = h5py.VirtualSource(str(secret), "x", (1,))
            file.create_virtual_dataset(ENTRY, layout)
        elif kind == "long":
            file.create_dataset(ENTRY, (), f"S{1 << 30}")
        elif kind == "numbers":
            file.create_dataset(ENTRY, data=np.zeros(3))
        else:
            file.create_group(ENTRY)

    with pytest.raises(ImportRefused, match=rf"'{ENTRY}' must be (in the file|a string)"):
        import_file(path, "keras")


def test_a_string_of_variable_length_that_claims_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "long.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(ENTRY, data="A" * 77)
    data = path.read_bytes()
    # The dataset itself is the length, 4 bytes, before the place of the string in the file.
    place = data.rindex((77).to_bytes(4, "little"))
    path.write_bytes(data[:place] + (2**31 - 9).to_bytes(4, "little") + data[place + 4 :])

    with pytest.raises(FormatError, match="is not a whole HDF5 file of Keras"):
        import_file(path, "keras")


def test_an_npz_of_too_many_members_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.npy", b"")

    with pytest.raises(ImportRefused, match="has 10001 members, more than 10000"):
        read_arrays(tmp_path / "many.npz")


def test_an_npz_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.zeros(3, np.float32))
    for names in (["a.npy", "a.npy"], ["a.npy", "a"]):
        path = tmp_path / "twice.npz"
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
            warnings.simplefilter("ignore")  # that it is twice
            for name in names:
                archive.writestr(name, array.getvalue())

        with pytest.raises(ImportRefused, match=r"has ('a.npy' 2 times|a name with and without)"):
            read_arrays(path)
