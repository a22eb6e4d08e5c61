"""The fuzzer of containers: `python -m tests.trust.fuzzers.containers --files 5000`.

Files of NumPy and Flax are written whole, with arrays or a description that are not what they
should be. What comes of it is a `GhostError` of bounded length, soon, or whole tensors.
"""

from __future__ import annotations

import copy
import io
import json
import random
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.trust.fuzzers.importers import outcome
from tests.trust.fuzzers.program import fuzz_and_count
from tests.trust.fuzzers.state_dicts import MUTATIONS, ODD
from weights import WeightFile, configure, read_file, write_file
from weights.files.settings import imagenet
from weights.importers.checkpoints import ENTRY, Description
from weights.importers.containers.flax_state import pure_dict

MODULES: list[tuple[str, dict[str, Any]]] = [
    ("ghost_conv", {"c_in": 4, "c_out": 8}),
    ("squeeze_excite", {"channels": 8}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8}),
    ("c3_ghost", {"c1": 8, "c2": 8}),
]
# One in so many is a file of Flax, for which a module is built each time.
FLAX = 10


def originals(folder: Path) -> list[WeightFile]:
    """Sound files of a few layers."""
    generator = np.random.default_rng(0)
    for architecture, config in MODULES:
        tensors = {
            spec.name: np.abs(generator.normal(size=spec.shape)).astype(np.float32)
            for spec in configure(architecture, config).tensors()
        }
        besides: dict[str, Any] = {"preprocess": imagenet(), "classes": ["cat", "dog"]}
        write_file(folder / architecture, architecture, config, tensors, **besides)
    return [read_file(folder / architecture) for architecture, _ in MODULES]


def spoil(value: Any, generator: random.Random) -> Any:
    """The same JSON with something in it changed, taken away or added."""
    if isinstance(value, dict) and value and generator.random() < 0.8:
        key = generator.choice(list(value))
        way = generator.random()
        if way < 0.15:
            del value[key]
        elif way < 0.25:
            value[generator.choice(["", "num_class", "\x1b[31m", "x" * 600])] = value[key]
        else:
            value[key] = spoil(value[key], generator)
        return value
    if isinstance(value, list) and value and generator.random() < 0.5:
        value[0] = spoil(value[0], generator)
        return value
    return generator.choice([*ODD, 10**9, 2**62, "ghostnetv3", "c3_ghost", [[]] * 50])


def spoilt(file: WeightFile, generator: random.Random, name: str) -> bytes:
    """A file of NumPy or Flax of it, of which one part is not what it should be."""
    description = json.loads(Description.of(file).to_json())
    tensors: dict[str, Any] = dict(file.tensors)
    if generator.random() < 0.6:
        description = spoil(copy.deepcopy(description), generator)
    else:
        generator.choice(MUTATIONS)(tensors, generator)
    text: Any = json.dumps(description) if generator.random() < 0.95 else generator.choice(ODD)
    if name == "npz":
        return _npz(tensors, text)
    return _msgpack(pure_dict(file) if generator.random() < 0.7 else tensors, text)


def _npz(tensors: dict[str, Any], text: Any) -> bytes:
    stream, written = io.BytesIO(), text if isinstance(text, str | int | float) else str(text)
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in (tensors | {ENTRY: np.array(written)}).items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=True)
    return stream.getvalue()


def _msgpack(tree: dict[str, Any], text: Any) -> bytes:
    from flax.serialization import msgpack_serialize

    numbers = {name: array for name, array in tree.items() if not _is_odd(array)}
    try:
        return bytes(msgpack_serialize(numbers | {ENTRY: text}))
    except (OverflowError, ValueError):  # a number that msgpack cannot hold
        return bytes(msgpack_serialize(numbers | {ENTRY: ""}))


def _is_odd(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in "UV"


def fuzz(files: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Import that many spoilt containers; count the outcomes, and list the wrong ones."""
    generator, said, wrong = random.Random(seed), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        known = originals(Path(folder))
        for number in range(files):
            name = "flax-msgpack" if number % FLAX == 0 else "npz"
            data = spoilt(generator.choice(known), generator, name)
            path = Path(folder, "spoilt")
            path.write_bytes(data)
            what = outcome(path, name)
            said[f"{name}: {what[:60]}"] += 1
            if what.startswith("wrong"):
                wrong.append(f"{number}: {name}: {what}"[:2000])
    return said, wrong


if __name__ == "__main__":
    sys.exit(fuzz_and_count(fuzz, "containers", __doc__))
