"""The folder of reference files beside the repository, which a clone alone does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def reference_file(name: str) -> Path:
    """Path of a file in ../shared; the test is skipped where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the reference file ../shared/{name}, which is absent")
    return path
