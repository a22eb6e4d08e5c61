"""No process of ours runs code that lies in the working folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.columns import tensors_of
from weights import child, read_file, write_file
from weights.importers import export_file

# Keras' own way to NumPy, of which NumPy 2 complains.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
# What an import of HDF5, and Python itself on its way up, would import.
PLANTED = ("h5py", "ml_dtypes", "numpy", "safetensors", "json", "usercustomize", "weights.py")
SPRUNG = "sprung"
API = """
import sys
from weights.importers import import_file
print(import_file(sys.argv[1], "keras").architecture)
"""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that tell when they are run, which is the working folder."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in PLANTED:
        module = folder / f"{name.removesuffix('.py')}.py"
        module.write_text(f"open({str(folder / SPRUNG)!r}, 'a').close()\nraise SystemExit(9)")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def weights_h5(tmp_path: Path) -> Path:
    pytest.importorskip("keras")
    layer = {"c_in": 2, "c_out": 4}
    write_file(tmp_path / "own", "ghost_conv", layer, tensors_of("ghost_conv", **layer))
    export_file(read_file(tmp_path / "own"), "keras-h5", tmp_path / "sound.weights.h5")
    return tmp_path / "sound.weights.h5"


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_child_looks_for_modules_in_the_working_folder_last_if_at_all(trap: Path) -> None:
    done = run(child.python("tests.trust.child_path", str(trap)))

    assert done.stdout == "not there\n", done.stderr
    assert not (trap / SPRUNG).exists()


@pytest.mark.slow
def test_an_import_through_the_api_runs_nothing_from_the_working_folder(
    trap: Path, weights_h5: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(API)
    done = run([sys.executable, str(script), str(weights_h5)])

    assert done.stdout.endswith("ghost_conv\n"), done.stderr
    assert not (trap / SPRUNG).exists()


@pytest.mark.slow
def test_a_command_runs_nothing_from_the_working_folder(trap: Path, weights_h5: Path) -> None:
    command = [str(Path(sys.executable).with_name("ghost-weights")), "import", "--from", "keras"]
    done = run([*command, str(weights_h5), "-o", str(trap / "out.safetensors")])

    assert done.returncode == 0, done.stderr
    assert not (trap / SPRUNG).exists()


@pytest.mark.slow
def test_python_m_weights_imports_no_optional_library_from_the_working_folder(
    trap: Path, weights_h5: Path
) -> None:
    for name in ("numpy", "safetensors", "ml_dtypes", "json", "weights"):
        (trap / f"{name}.py").unlink()  # what Python itself takes first under -m
    command = [sys.executable, "-m", "weights", "import", "--from", "keras", str(weights_h5)]
    done = run([*command, "-o", str(trap / "out.safetensors")])

    assert done.returncode == 0, done.stderr
    assert not (trap / SPRUNG).exists()
