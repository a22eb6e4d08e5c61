"""Keras' `.weights.h5` and `.keras` files of this project's layers and networks.

Keras itself loads by position and checks shapes only, so names, shapes and the order of layers of
one kind are checked here before anything is taken.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import GhostError
from weights.files import file_types
from weights.files.file import WeightFile
from weights.files.storage import PathLike
from weights.files.writing import check_writable, write_atomically
from weights.importers.containers.container import Container, Place, native
from weights.importers.containers.keras_files import SUFFIX, read, read_variables
from weights.importers.description import ENTRY, Description
from weights.layout import from_channels_last, from_depth_multiplier
from weights.networks.architectures import configure
from weights.tensors import DEPTHWISE, TensorSpec


def places(description: Description) -> Mapping[str, Place]:
    """Find where Keras puts each tensor: every variable holds its own number, and is looked up."""
    specs = list(configure(description.architecture, description.config).tensors())
    numbers = {
        spec.name: np.full(spec.shape, index, np.float32) for index, spec in enumerate(specs)
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"numbers{SUFFIX}"
        _save(description.architecture, description.config, numbers, path)
        found = read_variables(path)
    at = {
        int(array.flat[0]): Place(name, array.shape)
        for name, array in found.items()
        if array.dtype == np.float32
    }
    return {spec.name: at[index] for index, spec in enumerate(specs)}


def to_canonical(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Bring one variable into the canonical layout."""
    if spec.kind == DEPTHWISE:
        return from_depth_multiplier(array)
    return from_channels_last(array, spec)


def write(file: WeightFile, path: PathLike, overwrite: bool) -> None:
    """Write the file; `model.load_weights(path)` reads it.

    A layer that is no model by itself is saved as the only layer of a `keras.Sequential`.
    """
    if not str(path).endswith(SUFFIX):
        raise GhostError(f"Keras reads weights from a file that ends in {SUFFIX} only, got {path}")
    check_writable(path, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / f"weights{SUFFIX}"
        _save(file.architecture, file.config, file.tensors, temporary)
        _add_description(temporary, Description.of(file))
        write_atomically(Path(path), temporary.read_bytes(), overwrite=overwrite)


def _save(
    architecture: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], path: Path
) -> None:
    native("tf", "a file of Keras").save(architecture, config, tensors, path)


def _add_description(path: Path, description: Description) -> None:
    import h5py

    # A dataset, since an attribute may not hold the names of thousands of classes.
    with h5py.File(path, "a") as stream:
        stream.create_dataset(ENTRY, data=description.to_json())


KINDS = (file_types.HDF5, file_types.KERAS, file_types.ZIP)
KERAS = Container("keras", "keras-h5", read, places, to_canonical, write, KINDS)
