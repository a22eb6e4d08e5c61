"""What all tests share: the project's own folder and that of reference files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.reference_files import reference_file

REPOSITORY = Path(__file__).resolve().parents[1]
# Of the clock, which goes on while others have the processor: what must be quick is in `soon`.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture
def repository() -> Path:
    """The folder of the whole project."""
    return REPOSITORY


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a reference file; the test is skipped where it is absent."""

    return reference_file
