"""The fuzzer of foreign state dicts: `python -m tests.trust.fuzzers.state_dicts --files 5000`.

It knows what a state dict is made of: tensors of each importer's valid ones are dropped, renamed,
reshaped and retyped, and the request is spoilt. What comes of it is a `GhostError` of bounded
length, soon, or every tensor of a known module, each with the numbers that it had.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from tests.trust.fuzzers.program import fuzz_and_count, no_longer_than
from weights import GhostError, configure
from weights.importers import IMPORTERS, Imported, converting, import_file
from weights.importers.checkpoints import Checkpoint, without_counters
from weights.importers.importer import Importer
from weights.tensors import LINEAR

State = dict[str, np.ndarray]
SLOWEST, LONGEST_TEXT = 2.0, 20_000
BLOCK = {"c_in": 16, "c_mid": 8, "c_out": 16, "split": "floor", "dw_kernel_size": 5}
SMALL = {"width": 0.1, "num_classes": 3}
# What each importer has, most of it small.
VALID: list[tuple[str, str, dict[str, Any]]] = [
    ("seed", "ghost_conv", {"c_in": 4, "c_out": 12, "ratio": 3}),
    ("seed", "ghost_conv", {"c_in": 4, "c_out": 7, "ratio": 1}),
    ("timm", "ghost_conv", {"c_in": 4, "c_out": 12, "split": "ceil"}),
    ("timm", "ghost_conv_v2", {"c_in": 4, "c_out": 12, "kernel_size": 3}),
    ("timm", "ghost_conv_v3", {"c_in": 4, "c_out": 8, "attention": True}),
    ("timm", "ghost_conv_v3", {"c_in": 4, "c_out": 8, "form": "deployed"}),
    ("timm", "squeeze_excite", {"channels": 16}),
    ("timm", "ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 12, "stride": 2}),
    ("timm", "ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8, "se_ratio": 0.25}),
    ("timm", "ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8, "branches": 3}),
    ("ultralytics", "ghost_conv", {"c_in": 8, "c_out": 16, "split": "floor", "dw_kernel_size": 5}),
    ("ultralytics", "ghost_bottleneck", BLOCK),
    ("ultralytics", "ghost_bottleneck", BLOCK | {"stride": 2, "c_in": 8}),
    ("ultralytics", "c3_ghost", {"c1": 16, "c2": 16, "n": 2}),
    ("timm", "ghost_resnet20", {}),
    ("timm", "ghost_vgg16", {"num_classes": 3, "ratio": 8}),
    ("timm", "ghostnet", SMALL),
    ("timm", "rep_ghost_conv", {"c_in": 4, "c_out": 8, "form": "deployed"}),
    ("timm", "rep_ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 12, "stride": 2}),
    ("timm", "repghostnet", SMALL),
    ("huawei", "ghostnetv2", SMALL),
    ("huawei", "ghostnetv3", SMALL),
    (
        "d-li14",
        "ghostnet",
        SMALL | {"head": "norm", "se_rounding": "floor", "shortcut_kernel_size": 3},
    ),
    ("paddle", "ghostnet", SMALL | {"head": "norm", "se_rounding": "floor"}),
]
# Wherever a request says something, it may say this.
ODD: list[Any] = [
    None, True, -1, 0, 3, 7.5, 2**31, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "ceil",
    "x" * 1000, [], [1, 2], [[1], [2, 3]], {}, {"a": 1},
]  # fmt: skip
ARGUMENTS = [
    "c_in", "c_out", "c_mid", "ratio", "split", "groups", "kernel_size", "width", "num_classes",
    "stem_ratio", "se_ratio", "rounding", "branches", "form", "n", "e", "norm", "num_class", "",
]  # fmt: skip
DTYPES = [np.float16, np.float64, np.int8, np.int64, np.bool_, np.complex64, ">f4", "U3", "V2"]


def state(importer: str, architecture: str, config: dict[str, Any], seed: int = 0) -> State:
    """A state dict that the importer takes."""
    generator, rules = np.random.default_rng(seed), IMPORTERS[importer]
    drawn = {
        spec: np.abs(generator.normal(size=spec.shape)).astype(np.float32)
        for spec in configure(architecture, config).tensors()
    }
    # Linear layers of Paddle are (I, O).
    turned = LINEAR if importer == "paddle" else ""
    return {
        rules.foreign_name(spec.name): x.T.copy() if spec.kind == turned else x
        for spec, x in drawn.items()
    }


def drop(tensors: State, generator: random.Random) -> None:
    """Some tensors are missing: one, a few, or all of one place."""
    start = generator.choice(list(tensors))
    start = start[: generator.randrange(len(start) + 1) or 1]
    for name in [name for name in tensors if name.startswith(start)]:
        del tensors[name]
    tensors.setdefault("left", np.ones(1, np.float32))


def rename(tensors: State, generator: random.Random) -> None:
    """A name is another: a letter, an index, a part, a prefix, or that of a neighbour."""
    name = generator.choice(list(tensors))
    index = generator.randrange(len(name) + 1)
    parts = name.split(".")
    position = generator.randrange(len(parts))
    ways: list[Callable[[], str]] = [
        lambda: name[:index] + generator.choice("abc0.9_\u00e9") + name[index + 1 :],
        lambda: ".".join([*parts[:position], str(generator.choice(ODD[:8])), *parts[position:]]),
        lambda: ".".join(parts[:position] + parts[position + 1 :]),
        lambda: generator.choice(["module.", "model.", "_orig_mod.", "x."]) + name,
        lambda: generator.choice(list(tensors)),
        lambda: generator.choice(
            ["", ".", "..", "m.", "m", "ghost1.", "layer1.9", "cv3.conv.weight"]
        ),
    ]
    wanted = generator.choice(ways)()
    tensors[wanted] = tensors.pop(name)


def reshape(tensors: State, generator: random.Random) -> None:
    """A tensor has another shape: of other sizes, more axes or fewer."""
    name = generator.choice(list(tensors))
    shape = list(tensors[name].shape)
    axis = generator.randrange(len(shape)) if shape else 0
    sizes = [*shape]
    if shape:
        sizes[axis] = generator.choice([0, 1, 2, 3, shape[axis] + 1, 2 * shape[axis], 7])
    shapes = [sizes, shape[::-1], shape[1:], [1, *shape], [*shape, 1], [], [0], [0, 0, 0, 0]]
    tensors[name] = np.ones(generator.choice(shapes), np.float32)


def resize(tensors: State, generator: random.Random) -> None:
    """Every tensor of one place has other sizes, together."""
    place = generator.choice(list(tensors)).rpartition(".")[0]
    for name in [name for name in tensors if name.startswith(place)]:
        shape = tensors[name].shape
        tensors[name] = np.ones((2 * shape[0], *shape[1:]) if shape else shape, np.float32)


def retype(tensors: State, generator: random.Random) -> None:
    """A tensor holds other things than numbers of 32 bits."""
    name = generator.choice(list(tensors))
    dtype = np.dtype(generator.choice(DTYPES))
    tensors[name] = np.zeros(tensors[name].shape, dtype)


def add(tensors: State, generator: random.Random) -> None:
    """There is a tensor of another module too."""
    other = state(*generator.choice(VALID[:14]))
    name = generator.choice(list(other))
    tensors[generator.choice(["", "m.7.", "layer1.0."]) + name] = other[name]


MUTATIONS = (drop, rename, reshape, resize, retype, add)


def request(generator: random.Random, importer: str, architecture: str) -> dict[str, Any]:
    """Draw the options of a request; none in one of two."""
    if generator.random() < 0.5:
        return {"importer": importer}
    others = [name for name, _, _ in VALID]
    config = {
        generator.choice(ARGUMENTS): generator.choice(ODD) for _ in range(generator.randrange(3))
    }
    return {
        "importer": generator.choice([importer, importer, *others]),
        "architecture": generator.choice([None, architecture, generator.choice(VALID)[1], "x"]),
        "config": config,
        "gate": generator.choice([None, None, "keras2", "sigmoid"]),
    }


def outcome(tensors: State, asked: dict[str, Any]) -> str:
    """`imported`, the kind of the `GhostError`, or what went wrong."""

    def checkpoint(path: Any, entry: str | None = None) -> Checkpoint:
        return without_counters(path, tensors)

    reading = {name: replace(x, read=checkpoint) for name, x in converting.IMPORTERS.items()}
    try:
        with patch.object(converting, "IMPORTERS", reading), no_longer_than(SLOWEST):
            found = import_file("file", **asked)
    except GhostError as error:
        text = str(error)
        long = len(text.encode(errors="replace")) > LONGEST_TEXT
        return f"wrong: {len(text)} characters" if long else type(error).__name__
    except BaseException as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"wrong: {type(error).__name__}: {error} at {frame.filename}:{frame.lineno}"
    rules = IMPORTERS[asked["importer"]]
    read = without_counters("file", tensors).bare(rules.starts)
    wrong = wrong_tensors(found, read, rules, asked)
    return f"wrong: {wrong}" if wrong else "imported"


def wrong_tensors(
    found: Imported, read: Checkpoint, rules: Importer, asked: dict[str, Any]
) -> list[str]:
    """The names of tensors that are not what stands in the state dict, or not what they should."""
    specs = {spec.name: spec for spec in configure(found.architecture, found.config).tensors()}
    if found.tensors.keys() != specs.keys() or found.architecture not in rules.architectures:
        return ["not the tensors of the module"]
    if asked.get("gate") or rules.name in ("d-li14", "paddle"):
        return [name for name, spec in specs.items() if found.tensors[name].shape != spec.shape]
    return [
        name
        for name in specs
        if not _holds(found.tensors[name], read.tensors[rules.foreign_name(name)])
    ]


def _holds(found: np.ndarray, read: np.ndarray) -> bool:
    """Whether these are the same numbers, in a type that holds those of the file."""
    wide = np.can_cast(read.dtype, found.dtype, "safe")
    return wide and found.tobytes() == read.astype(found.dtype).tobytes()


def fuzz(files: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Import that many spoilt state dicts; count the outcomes, and list the wrong ones."""
    generator, said, wrong = random.Random(seed), Counter[str](), list[str]()
    valid = [(name, kind, state(name, kind, config)) for name, kind, config in VALID]
    for number in range(files):
        # Large networks take a hundred times as long as layers, and are tried less often.
        count = len(valid) if number % 10 == 0 else 14
        importer, architecture, sound = valid[generator.randrange(count)]
        tensors, done = dict(sound), []
        for _ in range(generator.choice((1, 1, 1, 2, 3))):
            mutation = generator.choice(MUTATIONS)
            mutation(tensors, generator)
            done.append(mutation.__name__)
        asked = request(generator, importer, architecture)
        what = outcome(tensors, asked)
        said[f"{importer}: {what[:60]}"] += 1
        if what.startswith("wrong"):
            wrong.append(f"{number}: {importer} {architecture}, {done}, {asked}: {what}"[:2000])
    return said, wrong


if __name__ == "__main__":
    sys.exit(fuzz_and_count(fuzz, "state dicts", __doc__))
