"""Keras' `.weights.h5` and `.keras` files of this project's layers and networks.

Keras itself loads by position and checks shapes only, so names, shapes and the order of layers of
one kind are checked here before anything is taken.
"""

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from weights.errors import FormatError, GhostError, ImportRefused
from weights.files import file_types
from weights.files.file import WeightFile
from weights.files.storage import PathLike, opened, read_bytes
from weights.files.writing import check_writable, write_atomically
from weights.frameworks import FRAMEWORKS
from weights.importers.checkpoints import ENTRY, Arrays, Checkpoint, Description
from weights.importers.containers.container import Container, Specs, native
from weights.importers.containers.hdf5 import read_apart, read_here
from weights.importers.expansion import check_members
from weights.importers.files import file_type_of
from weights.layout import from_channels_last, from_depth_multiplier
from weights.networks.architectures import ARCHITECTURES
from weights.tensors import DEPTHWISE, TensorSpec

Found = TypeVar("Found")
SUFFIX, KERAS_FILE = ".weights.h5", "a file of Keras"
WEIGHTS, CONFIG = "model.weights.h5", "config.json"
KINDS = (file_types.HDF5, file_types.KERAS, file_types.ZIP)
# Variables besides the module's: the optimizer's variables, a metric's, a dropout's seed.
OTHERS = re.compile(r"^(optimizer|_?metrics?|.*seed_generator)(/|$)")
# Layers of a list are stored under their class and number, and labelled with their own name.
NUMBERED = re.compile(r"^(?P<kind>.+?)(_(?P<number>\d+))?$")


def read(path: PathLike) -> Checkpoint:
    """Read the variables of a file, and its description of the module."""
    data, described, size = read_weights(path, _description)
    arrays, labels, text = read_apart(path, data, size)
    weights, dropped = without_others(arrays, OTHERS)
    description = described or Description.parse(path, text)
    problems = tuple(order_problems(labels))
    return Checkpoint(path, weights, dropped, description=description, problems=problems)


def read_weights(path: PathLike, parse: Callable[[Any], Found]) -> tuple[bytes, Found | None, int]:
    """Read a file of Keras: its HDF5 bytes, what `parse` makes of its config.json, and its size."""
    if file_type_of(path) == file_types.HDF5:
        data = read_bytes(path)
        return data, None, len(data)
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            with zipfile.ZipFile(stream) as archive:
                check_members(path, archive, size)
                return archive.read(WEIGHTS), parse(json.loads(archive.read(CONFIG))), size
        except ImportRefused:
            raise
        except Exception:  # zipfile and zlib raise many kinds for damage
            raise FormatError(f"{path} is not a whole .keras file") from None


def without_others(arrays: Arrays, others: re.Pattern[str]) -> tuple[Arrays, dict[str, int]]:
    """Return the variables that are none of the `others`, and how many of those there are."""
    kept = {name: array for name, array in arrays.items() if not others.match(name)}
    count = len(arrays) - len(kept)
    return kept, {"variables that are no weights": count} if count else {}


def read_variables(path: Path) -> Arrays:
    """Read the variables of a `.weights.h5` file of our own, by their path in it."""
    return read_here(path, path, path.stat().st_size)[0]


def order_problems(labels: dict[str, str]) -> Iterator[str]:
    """Yield neighbours in a list whose own names were given in another order.

    Keras numbers the layers of a class as they are made, and saves those of a list by position.

    >>> list(order_problems({"blocks/conv": "conv_1", "blocks/conv_1": "conv"}))
    ["layer 'blocks/conv_1' was made before 'blocks/conv' ('conv' and 'conv_1'): another order"]
    """
    groups: dict[tuple[str, str, str], list[tuple[int, int, str]]] = {}
    for path, label in labels.items():
        folder, _, leaf = path.rpartition("/")
        (kind, position), (own, made) = _numbered(leaf), _numbered(label)
        groups.setdefault((folder, kind, own), []).append((position, made, path))
    for members in groups.values():
        members.sort()
        for (_, earlier, first), (_, later, second) in pairwise(members):
            if later < earlier:
                names = f"{labels[second]!r} and {labels[first]!r}"
                yield f"layer {second!r} was made before {first!r} ({names}): another order"


def _numbered(name: str) -> tuple[str, int]:
    found = NUMBERED.match(name)
    return (found["kind"], int(found["number"] or 0)) if found else (name, 0)


def _description(config: Any) -> Description | None:
    """Read the module of config.json, where it is one of this project's."""
    found = config if isinstance(config, dict) else {}
    package, _, name = str(found.get("registered_name", "")).rpartition(">")
    classes = {key.replace("_", ""): key for key in ARCHITECTURES}
    architecture, arguments = classes.get(name.lower(), ""), found.get("config")
    is_ours = package == FRAMEWORKS["tf"].package and architecture
    if not is_ours or not isinstance(arguments, dict):
        return None
    kind: Any = ARCHITECTURES[architecture]
    known = {field.name for field in fields(getattr(kind, "func", kind))}
    return Description(architecture, {key: x for key, x in arguments.items() if key in known})


def places(description: Description, specs: Specs) -> Specs:
    """Find where Keras puts each tensor: every variable holds its own number, and is looked up."""
    numbers = {spec.name: np.full(spec.shape, n, np.float32) for n, spec in enumerate(specs)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"numbers{SUFFIX}"
        module = description.architecture, description.config
        native("tf", KERAS_FILE).save(*module, numbers, path)
        found = read_variables(path).items()
    at = {int(x.flat[0]): (name, x.shape) for name, x in found if x.dtype == np.float32}
    return [TensorSpec(at[n][0], spec.kind, at[n][1]) for n, spec in enumerate(specs)]


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
        native("tf", KERAS_FILE).save(file.architecture, file.config, file.tensors, temporary)
        import h5py  # Keras has brought it

        # A dataset, since an attribute may not hold the names of thousands of classes.
        with h5py.File(temporary, "a") as stream:
            stream.create_dataset(ENTRY, data=Description.of(file).to_json())
        write_atomically(Path(path), temporary.read_bytes(), overwrite=overwrite)


KERAS = Container("keras", "keras-h5", read, places, to_canonical, write, KINDS)
