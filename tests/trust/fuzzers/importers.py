"""The fuzzer of the importers: `python -m tests.trust.fuzzers.importers --files 2000`.

Every mutated checkpoint ends in a `GhostError` or in whole tensors of a known module. The formats
are other people's and most have no digest, so a number may come in changed; nothing else may.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from safetensors.numpy import save_file

from tests.trust.fuzzers.mutations import BYTES, mutate
from tests.trust.fuzzers.program import fuzz_and_count, no_longer_than
from weights import GhostError, configure, read_file, write_file
from weights.importers import export_file, import_file
from weights.importers.containers import hdf5

# Importer, exporter and name of the files that we write ourselves.
OWN_FILES = {
    "npz": ("npz", "f.npz"),
    "keras": ("keras-h5", "g.weights.h5"),
    "flax-msgpack": ("flax-msgpack", "h.msgpack"),
}
LAYER: dict[str, Any] = {"c_in": 4, "c_out": 8}
# libhdf5 hangs on some of them, and is stopped; the others take milliseconds.
HDF5_SECONDS, SLOWEST, LONGEST_TEXT = 30.0, 5.0, 20_000


def originals(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """An importer, the suffix that it reads, and a sound file."""
    import torch

    generator = np.random.default_rng(0)
    tensors = {
        spec.name: np.abs(generator.normal(size=spec.shape)).astype(np.float32)
        for spec in configure("ghost_conv", LAYER).tensors()
    }
    state = {name: torch.from_numpy(array) for name, array in tensors.items()}
    torch.save(state, folder / "a.pt")
    torch.save({"state_dict": state, "epoch": 3}, folder / "b.pth")
    np.savez(folder / "c.npz", **tensors)
    np.savez_compressed(folder / "d.npz", **tensors)
    save_file(tensors, folder / "e.safetensors")
    torch.save(state, folder / "f.pth", _use_new_zipfile_serialization=False)
    beside = {"args": argparse.Namespace(lr=0.1), "best": np.float64(0.5)}
    torch.save({"model": state, "model_ema": state, **beside}, folder / "g.ckpt")
    (folder / "h.pkl").write_bytes(pickle.dumps(tensors | beside, protocol=4))
    for name in ("a.pt", "b.pth", "c.npz", "d.npz", "e.safetensors", "f.pth", "g.ckpt", "h.pkl"):
        yield "seed", name, (folder / name).read_bytes()
    yield "onnx", "i.onnx", graph(tensors)
    own = folder / "own.safetensors"
    write_file(own, "ghost_conv", LAYER, tensors)
    for importer, (exporter, name) in OWN_FILES.items():
        export_file(read_file(own), exporter, folder / name)
        yield importer, name, (folder / name).read_bytes()


def graph(tensors: dict[str, np.ndarray]) -> bytes:
    """The same layer as a graph of ONNX, with its batch normalisations."""
    import onnx

    nodes, value = [], "x"
    for half, pads in (("primary_conv", 0), ("cheap_conv", 1)):
        group = LAYER["c_out"] // 2 if pads else 1
        names = [f"{half}.1.{name}" for name in ("weight", "bias", "running_mean", "running_var")]
        convolution = onnx.helper.make_node(
            "Conv", [value, f"{half}.0.weight"], [f"{half}.c"], pads=[pads] * 4, group=group
        )
        norm = onnx.helper.make_node("BatchNormalization", [f"{half}.c", *names], [f"{half}.n"])
        value = f"{half}.y"
        nodes += [convolution, norm, onnx.helper.make_node("Relu", [f"{half}.n"], [value])]
    ends = ["primary_conv.y", "cheap_conv.y"]
    nodes.append(onnx.helper.make_node("Concat", ends, ["y"], axis=1))
    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    made = onnx.helper.make_graph(nodes, "layer", [], [], arrays)
    return bytes(onnx.helper.make_model(made).SerializeToString())


def fuzz(files: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Import that many mutated files; count the outcomes, and list the wrong ones."""
    generator, said, wrong = random.Random(seed), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as name, patch.object(hdf5, "LONGEST", HDF5_SECONDS):
        known = list(originals(Path(name)))
        for number in range(files):
            importer, file, data = known[number % len(known)]
            kind, changed = mutate(data, generator, BYTES)
            path = Path(name, "mutated" + file[file.index(".") :])
            path.write_bytes(changed)
            what = outcome(path, importer)
            said[f"{file}: {what}"] += 1
            if what.startswith("wrong"):
                wrong.append(f"{file}, {kind}: {what}: {changed!r}"[:3000])
    return said, wrong


def outcome(path: Path, importer: str) -> str:
    """`imported`, the kind of the `GhostError`, or what went wrong."""
    try:
        with no_longer_than(SLOWEST), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries that read them
            found = import_file(path, importer)
    except GhostError as error:
        is_long = len(str(error).encode(errors="replace")) > LONGEST_TEXT
        return f"wrong: {len(str(error))} characters" if is_long else type(error).__name__
    except BaseException as error:
        return f"wrong: {type(error).__name__}: {error}"
    wanted = {
        each.name: each.shape for each in configure(found.architecture, found.config).tensors()
    }
    is_whole = {name: array.shape for name, array in found.tensors.items()} == wanted
    return "imported" if is_whole else "wrong: not whole"


if __name__ == "__main__":
    sys.exit(fuzz_and_count(fuzz, "foreign files", __doc__))
