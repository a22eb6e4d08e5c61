"""A watch on implementations that import the oracle, or inspect the frames that call them.

An audit hook, set before the implementation is imported, sees code that is executed, files that are
opened and frames that are handed out. It records them in memory shared with forked processes. It
finds carelessness and ordinary cheating; code that hides, in another program or in C, is not seen
(`docs/adding-an-implementation.md`).
"""

from __future__ import annotations

import inspect
import mmap
import os
import sys
import sysconfig
import traceback
from importlib.util import find_spec
from pathlib import Path
from threading import local
from types import CodeType
from typing import Any

from conformance.implementations.caching import REFERENCES, cache_folder

ORACLE, SUITE, FRAMES, ANSWERS = range(4)
VIOLATIONS = (
    "it imported the oracle",
    "it imported what judges it",
    "it looked at the suite's frames",
    "it opened answers that earlier runs kept",
)
ROOT = str(Path(__file__).parents[1]) + os.sep
ORACLE_ROOT = f"{ROOT}oracle{os.sep}"
FRAME_EVENTS = {
    "sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.settrace",
    "sys.setprofile", "gc.get_objects", "gc.get_referrers", "gc.get_referents",
}  # fmt: skip
FRAME_ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame"}
# The folders of Python's own code and of the suite; names of folders of installed packages.
PYTHON = (*(sysconfig.get_path(key) + os.sep for key in ("stdlib", "platstdlib")), "<frozen ", ROOT)
INSTALLED = tuple(f"{os.sep}{name}-packages{os.sep}" for name in ("site", "dist"))


class Watch:
    """Records from now on what this process does that the implementation `name` must not do."""

    def __init__(self, name: str) -> None:
        self._seen = mmap.mmap(-1, len(VIOLATIONS))
        self._busy = local()
        self._folder = str(Path.cwd())
        self._own = _own_files(name)
        self._answers = _answers()
        # Printing a traceback opens the files that this process runs.
        self._known = {module.__file__ for key, module in sys.modules.items() if _is_suite(key)}
        sys.addaudithook(self._audit)

    def violations(self) -> list[str]:
        """The violations that were seen so far."""
        return [text for index, text in enumerate(VIOLATIONS) if self._seen[index]]

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "exec":
            if isinstance(arguments[0], CodeType):
                self._see_file(arguments[0].co_filename)
        elif event == "open":
            self._see_open(arguments[0])
        elif event in FRAME_EVENTS or (
            event == "object.__getattr__" and arguments[1] in FRAME_ATTRIBUTES
        ):
            self._see_frames()

    def _see_open(self, path: object) -> None:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return
        if path.startswith(self._answers):
            self._seen[ANSWERS] = 1
        if path.endswith((".py", ".pyc")):
            source = _source(path if path.startswith(os.sep) else f"{self._folder}{os.sep}{path}")
            if source not in self._known:
                self._see_file(source)

    def _see_file(self, path: str) -> None:
        if path.startswith(ROOT):
            self._seen[ORACLE if path.startswith(ORACLE_ROOT) else SUITE] = 1

    def _see_frames(self) -> None:
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            frame = sys._getframe(2)
            while frame.f_back and _passes_frames_on(frame.f_code):
                frame = frame.f_back
            if not self._is_library(frame.f_code.co_filename):
                self._seen[FRAMES] = 1
        finally:
            self._busy.now = False

    def _is_library(self, path: str) -> bool:
        """True of Python's own code and of installed packages, which may log and trace."""
        if path.startswith(self._own):
            return False
        return path.startswith(PYTHON) or any(folder in path for folder in INSTALLED)


def _passes_frames_on(code: CodeType) -> bool:
    """True of code of the standard library that returns the frames it gets to its caller."""
    walks = code.co_filename == traceback.__file__ and code.co_name.startswith("walk_")
    return walks or code.co_filename == inspect.__file__


def _is_suite(module: str) -> bool:
    return module.partition(".")[0] == "conformance"


def _answers() -> tuple[str, ...]:
    """The folder of right answers that earlier runs kept; none where there is no home."""
    try:
        return (str(cache_folder() / REFERENCES) + os.sep,)
    except RuntimeError:
        return ()


def _own_files(name: str) -> tuple[str, ...]:
    """The folder, or the file, of the package that the implementation is in."""
    try:
        spec = find_spec(name.partition(":")[0].partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return ()
    folders = tuple(f"{folder}{os.sep}" for folder in spec.submodule_search_locations or ())
    return folders or (str(spec.origin),)


def _source(path: str) -> str:
    """The source of a compiled file, another file as it is."""
    if not path.endswith(".pyc"):
        return path
    folder, _, name = path.rpartition(os.sep)
    return f"{folder.removesuffix(f'{os.sep}__pycache__')}{os.sep}{name.partition('.')[0]}.py"
