"""What all tests share: the project's own folder and that of reference files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reference_files import reference_file

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def repository() -> Path:
    """The folder of the whole project."""
    return REPOSITORY


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a reference file; the test is skipped where it is absent."""

    return reference_file
