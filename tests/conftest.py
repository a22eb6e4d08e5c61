"""What all tests share: the backend of Keras, and the folder of reference files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reference_files import reference_file

# Read when Keras and TensorFlow are imported, by tests and by the processes that they start.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# Tiny tensors: on shared cores more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def repository() -> Path:
    """The folder of the whole project."""
    return REPOSITORY


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a reference file; the test is skipped where it is absent."""

    return reference_file
