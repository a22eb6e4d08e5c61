"""Child processes of Python that run nothing from the working folder."""

import json
import sys
from pathlib import Path

# `sys.path` of the parent comes behind the interpreter's own.
START = (
    "import importlib, json, sys; sys.path += json.loads(sys.argv[1]); "
    "sys.exit(importlib.import_module(sys.argv[2]).main(*sys.argv[3:]))"
)


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that calls `main` of a module of this project in a child process.

    Python alone would look into the working folder first, where files from strangers may lie: an
    `h5py.py` beside a weight file would be run.
    """
    # -I: neither the working folder nor environment variables extend sys.path.
    return [sys.executable, "-I", "-c", START, json.dumps(places()), module, *arguments]


def places() -> list[str]:
    """Return where this process looks for modules, but for the working folder, and this package.

    A module of the working folder is found only where that is a checkout of this project.
    """
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        here = None
    known = [entry for entry in sys.path if Path(entry).is_absolute()]
    root = str(Path(__file__).resolve().parents[1])
    return [*(entry for entry in known if Path(entry).resolve() != here), root]
