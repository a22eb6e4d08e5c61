"""The view of a folder from a child process: `child.python("tests.trust.child_path", FOLDER)`."""

from __future__ import annotations

import sys
from pathlib import Path


def main(folder: str) -> None:
    """Print whether modules are looked for in the folder."""
    import json  # noqa: F401

    import h5py  # noqa: F401

    is_there = any(Path(entry).resolve() == Path(folder).resolve() for entry in sys.path)
    print("there" if is_there else "not there")
