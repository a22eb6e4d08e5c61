"""Code of the user's: found by its name, and told by its place where it raises."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from weights.errors import ArgumentError, GhostError

# Calls that are shown of what a user's code raised.
DEEPEST = 3


def find_function(target: str) -> Any:
    """The function `package.module:function`; raises `ArgumentError` where there is none."""
    module, _, name = target.partition(":")
    if not module or not name:
        raise ArgumentError(f"a network must be named package.module:function, got {target!r}")
    sys.path.insert(0, str(Path.cwd()))  # where people keep networks of their own
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:
        said = f"{target}: importing {module} raised {type(error).__name__}: {error}"
        raise ArgumentError(_with_places(said, error)) from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise ArgumentError(f"{module} has no function {name!r}")
    return found


@contextmanager
def running(target: str, doing: str) -> Iterator[None]:
    """Tell in words what code of the user's raised in this context, and where."""
    try:
        yield
    except GhostError as error:
        raise ArgumentError(f"{target}: {doing} raised {error}") from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise ArgumentError(_with_places(f"{target}: {doing} raised {said}", error)) from error


def _with_places(said: str, error: BaseException) -> str:
    """A text, and below it the last calls in files of the user's own."""
    root = str(Path(__file__).parents[3])
    folders = ("site-packages", "dist-packages", "importlib", "<frozen")
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(folder in frame.filename for folder in folders)
        and not any(f"{root}/{name}/" in frame.filename for name in ("weights", "ghost_"))
    ]
    places = [
        f"  {frame.filename}, line {frame.lineno}, in {frame.name}: {frame.line or ''}"
        for frame in own[-DEEPEST:]
    ]
    return "\n".join([said, *places]).rstrip()
