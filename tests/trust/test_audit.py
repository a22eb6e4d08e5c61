"""Small hostile files of an audit: each is refused, or read as exactly what it holds."""

from __future__ import annotations

import json
import resource
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference_files import SHARED, reference_file
from tests.shares import quick_where
from tests.timing import assert_soon
from weights import GhostError, configure, read_file
from weights.importers import import_file
from weights.importers.containers import flax_state, npz

FOLDER = SHARED / "audit"
NAMES = sorted(path.name for path in FOLDER.glob("*.*") if path.suffix != ".md")
MOST_TEXT, LONGEST, CONSTANT = 20_000, 1.0, 64 << 20
IMPORTERS = {".msgpack": "flax-msgpack", ".npz": "npz", ".h5": "keras"}


def load(path: Path) -> Any:
    importer = IMPORTERS.get(path.suffix)
    return import_file(path, importer) if importer else read_file(path)


def stored(path: Path) -> dict[str, bytes]:
    """The numbers of a file by another way."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return {name: archive[name].tobytes() for name in archive.files}
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__")
    places = {name: entry["data_offsets"] for name, entry in header.items()}
    return {name: data[start + a : start + b] for name, (a, b) in places.items()}


def work() -> float:
    """Seconds that this process and its children have worked: others may be busy beside them."""
    usages = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Import once what would otherwise count to the time of a file."""
    for module in (flax_state, npz):
        with pytest.raises(GhostError):
            module.read(FOLDER / "absent")


# Whether a warning is given is not asked here.
@pytest.mark.filterwarnings("ignore")
# HDF5 is read by a process of its own.
@pytest.mark.parametrize(
    "name", quick_where(lambda name: not name.endswith(".h5"), NAMES or ["README.md"])
)
def test_a_hostile_file_is_refused_in_a_second_or_has_the_right_tensors(name: str) -> None:
    path = reference_file(f"audit/{name}")
    found = None
    tracemalloc.start()
    began = work()
    try:
        found = load(path)
    except GhostError as error:
        assert len(str(error).encode()) <= MOST_TEXT
        assert str(error).replace("\n", "").isprintable()
    seconds, memory = work() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert_soon(seconds, LONGEST)
    assert memory < 2 * path.stat().st_size + CONSTANT
    if found is not None:
        tensors = configure(found.architecture, found.config).tensors()
        specs = {spec.name: spec.shape for spec in tensors}
        assert {name: array.shape for name, array in found.tensors.items()} == specs
        assert {k: v for k, v in stored(path).items() if k in specs} == {
            name: array.tobytes() for name, array in found.tensors.items()
        }
