"""What is in Keras' `.weights.h5` and `.keras` files, without Keras."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from weights.errors import FormatError, ImportRefused
from weights.files import kinds
from weights.files.storage import PathLike, opened, read_bytes
from weights.importers.containers.container import Arrays, Contents
from weights.importers.containers.hdf5 import read_apart, read_here
from weights.importers.description import Description, parse
from weights.importers.expansion import check_members
from weights.importers.files import kind_of
from weights.networks.architectures import ARCHITECTURES

SUFFIX = ".weights.h5"
WEIGHTS, CONFIG = "model.weights.h5", "config.json"
# What a file holds besides the module: the optimizer's variables, a metric's, a dropout's seed.
OTHERS = re.compile(r"^(optimizer|_?metrics?|.*seed_generator)(/|$)")
# Layers of a list are stored under their class and number, and labelled with their own name.
NUMBERED = re.compile(r"^(?P<kind>.+?)(_(?P<number>\d+))?$")


def read(path: PathLike) -> Contents:
    """The variables of a file, and what it says of the module."""
    if kind_of(path) == kinds.HDF5:
        data = read_bytes(path)
        return _contents(path, data, len(data), None)
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            with zipfile.ZipFile(stream) as archive:
                check_members(path, archive, size)
                weights = archive.read(WEIGHTS)
                config = json.loads(archive.read(CONFIG))
        except ImportRefused:
            raise
        except Exception:  # zipfile and zlib raise many kinds for damage
            raise FormatError(f"{path} is not a whole .keras file") from None
    return _contents(path, weights, size, _description(config))


def read_variables(path: Path) -> Arrays:
    """The variables of a `.weights.h5` file of our own by their path in it."""
    return read_here(path, path, path.stat().st_size)[0]


def _contents(path: PathLike, data: bytes, size: int, described: Description | None) -> Contents:
    arrays, labels, text = read_apart(path, data, size)
    others = [name for name in arrays if OTHERS.match(name)]
    weights = {name: array for name, array in arrays.items() if name not in others}
    dropped = {"variables that are no weights": len(others)} if others else {}
    problems = tuple(order_problems(labels))
    return Contents(weights, described or parse(path, text), dropped, problems=problems)


def order_problems(labels: dict[str, str]) -> Iterator[str]:
    """Neighbours in a list whose own names were given in another order.

    Keras numbers the layers of a class as they are made, and saves those of a list by position.

    >>> list(order_problems({"blocks/conv": "conv_1", "blocks/conv_1": "conv"}))
    ["layer 'blocks/conv_1' was made before 'blocks/conv' ('conv' and 'conv_1'): another order"]
    """
    groups: dict[tuple[str, str, str], list[tuple[int, int, str]]] = {}
    for path, label in labels.items():
        folder, _, leaf = path.rpartition("/")
        (kind, position), (own, made) = _numbered(leaf), _numbered(label)
        groups.setdefault((folder, kind, own), []).append((position, made, path))
    for members in groups.values():
        members.sort()
        for (_, earlier, first), (_, later, second) in pairwise(members):
            if later < earlier:
                names = f"{labels[second]!r} and {labels[first]!r}"
                yield f"layer {second!r} was made before {first!r} ({names}): another order"


def _numbered(name: str) -> tuple[str, int]:
    found = NUMBERED.match(name)
    if found is None:
        return name, 0
    return found["kind"], int(found["number"] or 0)


def _description(config: Any) -> Description | None:
    """The module that config.json is of, where it is one of this project's."""
    registered = str(config.get("registered_name", "")) if isinstance(config, dict) else ""
    package, _, name = registered.rpartition(">")
    classes = {key.replace("_", ""): key for key in ARCHITECTURES}
    said = config.get("config") if isinstance(config, dict) else None
    if package != "ghost_tf" or name.lower() not in classes or not isinstance(said, dict):
        return None
    architecture = classes[name.lower()]
    kind: Any = ARCHITECTURES[architecture]
    known = {field.name for field in fields(getattr(kind, "func", kind))}
    return Description(architecture, {key: x for key, x in said.items() if key in known})
