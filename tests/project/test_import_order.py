"""triton is imported before TensorFlow or not at all: after it, it would end the process.

PyTorch's CUDA build alone brings triton, so that a stand-in notes here when it is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from weights import configure, write_file

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
STAND_IN = """
import os, sys

with open(os.environ["SEEN"], "a") as seen:
    seen.write("too late\\n" if "tensorflow" in sys.modules else "in time\\n")
"""
COMMAND = (
    "import sys; from weights.commands.cli import main; main(sys.argv[1:], standalone_mode=False); "
)
PIXELS = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5], "std": [0.2]}

Seen = Callable[..., list[str]]


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    """Run Python and tell when the stand-in was imported."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "triton.py").write_text(STAND_IN)
    notes = tmp_path / "notes"

    def run(*arguments: str | Path) -> list[str]:
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "path"), "SEEN": str(notes)}
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return notes.read_text().splitlines()

    return run


def test_tests_import_it_first_in_every_process_of_pytest(seen: Seen) -> None:
    options = ("-p", "no:cacheprovider", "-n", "1", "--doctest-modules")

    assert seen("-m", "pytest", *options, "weights/arithmetic.py") == ["in time"] * 2


@pytest.mark.matrix
def test_a_prediction_in_every_framework_imports_it_first(seen: Seen, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    config = {"num_classes": 3, "in_chans": 1}
    specs = configure("ghost_resnet20", config).tensors()
    network, picture = tmp_path / "network.safetensors", tmp_path / "picture.png"
    tensors = {spec.name: np.zeros(spec.shape, np.float32) for spec in specs}
    write_file(network, "ghost_resnet20", config, tensors, preprocess=PIXELS)
    image.fromarray(np.zeros((32, 32), np.uint8)).save(picture)

    # What PyTorch's compiler and optimizers do, afterwards and in the same process.
    code = COMMAND + "import tensorflow, triton"

    assert seen("-c", code, "predict", network, picture, "--framework", "all") == ["in time"]


def test_the_stand_in_tells_when_it_comes_too_late(seen: Seen) -> None:
    assert seen("-c", "import sys; sys.modules['tensorflow'] = sys; import triton") == ["too late"]
