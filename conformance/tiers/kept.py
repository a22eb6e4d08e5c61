"""What a run has computed and the next one reads: references, and the network of the digits.

An entry is found by all that it depends on: the suite's code, NumPy, the processor, and what it is
of. One that is damaged is computed anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from zipfile import BadZipFile

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.implementations.caching import REFERENCES, own_folder
from conformance.implementations.registry import code_of
from conformance.judging.stages import Reference

COUNT, VALUE, ALLOWED = "count", "value", "allowed"
DAMAGE = (OSError, EOFError, ValueError, KeyError, BadZipFile)


class Kept:
    """Arrays in the user's cache folder, or none of them where nothing `is_kept`."""

    def __init__(self, is_kept: bool) -> None:
        self._folder = own_folder(REFERENCES) if is_kept else None
        # Now, before anybody changes the code while the run goes on.
        self._origin = _origin() if self._folder else None

    def arrays(self, of: Any, compute: Callable[[], Tensors]) -> Tensors:
        """The arrays of something that JSON can name: those of an earlier run, or computed."""
        if self._folder is None:
            return compute()
        name = sha256(json.dumps([self._origin, of], sort_keys=True).encode()).hexdigest()
        path = self._folder / f"{name}.npz"
        with suppress(*DAMAGE), path.open("rb") as file, np.load(file) as known:
            return dict(known)
        found = compute()
        with suppress(OSError):
            _write(path, found)
        return found

    def reference(self, of: Any, compute: Callable[[], Reference]) -> Reference:
        """The same of a reference."""
        (found,) = self.references(of, lambda: [compute()])
        return found

    def references(self, of: Any, compute: Callable[[], list[Reference]]) -> list[Reference]:
        """The same of several references."""
        return _unpacked(self.arrays(of, lambda: _packed(compute())))


@cache
def _origin() -> Any:
    """The suite's code, and NumPy with what it uses of the processor."""
    return [code_of(()), np.__version__, np.show_config(mode="dicts")]


def _write(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write a whole file or none."""
    with NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        np.savez(file, **arrays)
    Path(file.name).replace(path)


def _packed(references: Sequence[Reference]) -> Tensors:
    arrays = {COUNT: np.asarray(len(references))}
    for number, reference in enumerate(references):
        for name, value in reference.values.items():
            arrays[f"{number} {VALUE} {name}"] = value
            arrays[f"{number} {ALLOWED} {name}"] = np.asarray(reference.allowed[name])
    return arrays


def _unpacked(arrays: Tensors) -> list[Reference]:
    parts: list[dict[str, dict[str, Any]]]
    parts = [{VALUE: {}, ALLOWED: {}} for _ in range(int(arrays[COUNT]))]
    for key, array in arrays.items():
        if key != COUNT:
            number, kind, name = key.split(" ", 2)
            parts[int(number)][kind][name] = array if array.ndim else array.item()
    return [Reference(each[VALUE], each[ALLOWED]) for each in parts]
