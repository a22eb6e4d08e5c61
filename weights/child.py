"""Python processes of our own that run nothing from the working folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

# The places of modules come behind the interpreter's own.
START = (
    "import importlib, json, sys; sys.path += json.loads(sys.argv[1]); "
    "sys.exit(importlib.import_module(sys.argv[2]).main(*sys.argv[3:]))"
)


def python(module: str, *arguments: str) -> list[str]:
    """The command that calls `main` of a module of this project in a process of its own.

    Python alone would look into the working folder first, where files from strangers may lie: an
    `h5py.py` beside a weight file would be run.
    """
    # -I: neither the working folder nor variables of the environment add places.
    return [sys.executable, "-I", "-c", START, json.dumps(places()), module, *arguments]


def places() -> list[str]:
    """Where this process looks for modules, the working folder left out, and where this package is.

    Without the working folder's own name a module in it is found only in a checkout.
    """
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        here = None
    known = [entry for entry in sys.path if Path(entry).is_absolute()]
    root = str(Path(__file__).resolve().parents[1])
    return [*(entry for entry in known if Path(entry).resolve() != here), root]
