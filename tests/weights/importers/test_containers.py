"""Files of NumPy, Keras, Flax and Orbax: exported and imported, nothing changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from click.testing import Result

from weights import FormatError, GhostError, WeightFile, configure, read_file, write_file
from weights.files.settings import imagenet
from weights.importers import CONTAINERS, export_file, import_file, write
from weights.importers.containers import hdf5

SUFFIXES = {"npz": ".npz", "keras": ".weights.h5", "flax-msgpack": ".msgpack", "orbax": ""}
LAYER: dict[str, Any] = {"c_in": 3, "c_out": 8}
DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]

pytestmark = pytest.mark.filterwarnings(
    # Keras makes NumPy arrays of TensorFlow's variables in a way that NumPy 2 deprecates.
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
every_container = pytest.mark.parametrize("name", CONTAINERS)


@pytest.fixture
def written(tmp_path: Path, random_tensors: Callable[..., Any]) -> Callable[..., WeightFile]:
    """Write an interchange file and read it back."""

    def make(
        architecture: str, config: dict[str, Any], dtype: Any = np.float32, **fields: Any
    ) -> WeightFile:
        tensors = random_tensors(configure(architecture, config))
        tensors = {key: array.astype(dtype) for key, array in tensors.items()}
        write_file(tmp_path / "file", architecture, config, tensors, **fields)
        return read_file(tmp_path / "file")

    return make


@pytest.fixture
def there_and_back(tmp_path: Path) -> Callable[..., WeightFile]:
    """Export a file, import what was written, and read that."""

    def convert(file: WeightFile, name: str, **arguments: Any) -> WeightFile:
        target = tmp_path / f"exported{SUFFIXES[name]}"
        export_file(file, CONTAINERS[name].exporter, target, overwrite=True)
        write(import_file(target, name, **arguments), tmp_path / "back", overwrite=True)
        return read_file(tmp_path / "back")

    return convert


@pytest.mark.slow
@every_container
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back(
    written: Callable[..., WeightFile], there_and_back: Callable[..., WeightFile],
    name: str, dtype: Any,
) -> None:  # fmt: skip
    file = written("ghost_conv", LAYER, dtype)

    back = there_and_back(file, name)

    assert back.metadata["content_sha256"] == file.metadata["content_sha256"]


@pytest.mark.slow
@every_container
def test_what_the_file_says_besides_comes_back(
    written: Callable[..., WeightFile], there_and_back: Callable[..., WeightFile], name: str
) -> None:
    said: dict[str, Any] = {"preprocess": imagenet(), "source": {"importer": "timm"}}
    classes = tuple(f"a class with a long name, number {index}" for index in range(4))
    file = written("ghost_conv", LAYER, classes=classes, **said)

    back = there_and_back(there_and_back(file, name), name)

    assert back.metadata["preprocess"] == said["preprocess"]
    assert tuple(back.metadata["classes"]) == classes
    assert back.metadata["source"]["original"] == said["source"]


@every_container
def test_no_state_dict_option_means_anything_for_a_container(tmp_path: Path, name: str) -> None:
    with pytest.raises(GhostError, match="takes no `entry`, `gate`: leave it out"):
        import_file(tmp_path / "absent", name, entry="model", gate="relu6")


@pytest.mark.slow
@every_container
def test_a_wrong_architecture_is_reported_by_the_names_in_the_file(
    written: Callable[..., WeightFile], there_and_back: Callable[..., WeightFile], name: str
) -> None:
    file = written("ghost_conv", LAYER)

    with pytest.raises(GhostError, match="leave --architecture out"):
        there_and_back(file, name, architecture="squeeze_excite")
    with pytest.raises(GhostError) as caught:
        there_and_back(file, name, config={"c_out": 16})

    assert "must have shape" in str(caught.value)


@every_container
def test_what_exists_is_replaced_only_when_told_to(
    tmp_path: Path, written: Callable[..., WeightFile], name: str
) -> None:
    file = written("ghost_conv", LAYER)
    target = tmp_path / f"exported{SUFFIXES[name]}"
    export_file(file, CONTAINERS[name].exporter, target)

    with pytest.raises(GhostError, match="exists: pass overwrite=True to replace it"):
        export_file(file, CONTAINERS[name].exporter, target)


@pytest.mark.parametrize("name", ["npz", "keras", "flax-msgpack"])
@pytest.mark.parametrize("content", [b"", b"neither", bytes(1000)])
def test_a_damaged_container_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / f"bad{SUFFIXES[name]}"
    path.write_bytes(content)

    with pytest.raises(GhostError, match="bad"):
        import_file(path, name)


@pytest.mark.slow
@pytest.mark.parametrize("beside", ["photo.jpg", "state/photo.jpg"])
@pytest.mark.parametrize("is_checkpoint", [False, True])
def test_an_orbax_folder_is_replaced_only_where_it_is_a_checkpoint_and_nothing_else(
    tmp_path: Path, written: Callable[..., WeightFile], beside: str, is_checkpoint: bool
) -> None:
    file, photo = written("ghost_conv", LAYER), tmp_path / "holiday" / beside
    if is_checkpoint:
        photo = tmp_path / "holiday" / "photo.jpg"
        export_file(file, "orbax", tmp_path / "holiday")
    photo.parent.mkdir(parents=True, exist_ok=True)
    photo.write_bytes(b"dear")

    with pytest.raises(GhostError, match="no checkpoint that this package wrote"):
        export_file(file, "orbax", tmp_path / "holiday", overwrite=True)

    assert photo.exists()


def test_an_orbax_folder_that_is_replaced_leaves_nothing_beside_it(
    tmp_path: Path, written: Callable[..., WeightFile]
) -> None:
    file, path = written("ghost_conv", LAYER), tmp_path / "checkpoint"
    before = {each.name for each in tmp_path.iterdir()}
    export_file(file, "orbax", path)
    path.chmod(0o700)

    with pytest.raises(GhostError, match="exists: pass overwrite=True"):
        export_file(file, "orbax", path)
    export_file(file, "orbax", path, overwrite=True)

    assert {each.name for each in tmp_path.iterdir()} == before | {"checkpoint"}
    assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_an_orbax_folder_that_leads_elsewhere_is_refused(
    tmp_path: Path, written: Callable[..., WeightFile], kind: str
) -> None:
    export_file(written("ghost_conv", LAYER), "orbax", tmp_path / "checkpoint")
    strange = tmp_path / "checkpoint" / "state" / "strange"
    if kind == "link":
        strange.symlink_to("/etc/passwd")
    else:
        os.mkfifo(strange)

    with pytest.raises(FormatError, match="'strange' is a link, a pipe or a device"):
        import_file(tmp_path / "checkpoint", "orbax")


def test_an_archive_without_a_description_needs_the_architecture(
    tmp_path: Path, written: Callable[..., WeightFile]
) -> None:
    file = written("ghost_conv", LAYER)
    np.savez(tmp_path / "bare.npz", **{f"module.{key}": x for key, x in file.tensors.items()})

    with pytest.raises(GhostError, match="name it with --architecture"):
        import_file(tmp_path / "bare.npz", "npz")
    imported = import_file(tmp_path / "bare.npz", "npz", "ghost_conv", LAYER)

    assert imported.source["prefix"] == "module."
    assert all(np.array_equal(x, file.tensors[key]) for key, x in imported.tensors.items())


def test_the_command_line_exports_and_imports(
    run: Callable[..., Result], tmp_path: Path, written: Callable[..., WeightFile]
) -> None:
    digest = written("ghost_conv", LAYER).metadata["content_sha256"]

    out = run("export", "--to", "npz", tmp_path / "file", "-o", tmp_path / "a.npz")
    back = run("import", "--from", "npz", tmp_path / "a.npz", "-o", tmp_path / "again")
    shown = run("inspect", tmp_path / "again", "--json")

    assert (out.exit_code, back.exit_code) == (0, 0)
    assert json.loads(shown.stdout)["content_sha256"] == digest


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_a_state_dict_is_written_as_its_suffix_says(
    tmp_path: Path, written: Callable[..., WeightFile], suffix: str
) -> None:
    file = written("ghost_conv", {"c_in": 3, "c_out": 8}, ml_dtypes.bfloat16)
    export_file(file, "seed", tmp_path / f"state{suffix}")

    imported = import_file(tmp_path / f"state{suffix}", "seed", config=file.config)

    assert all(
        array.tobytes() == file.tensors[key].tobytes() for key, array in imported.tensors.items()
    )


def test_an_hdf5_file_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slow.weights.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setattr(hdf5, "LONGEST", 0.001)

    with pytest.raises(FormatError, match=r"of Keras: reading it takes more than 0\.001 s"):
        import_file(path, "keras")
