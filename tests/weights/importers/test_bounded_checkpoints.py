"""Files of PyTorch that claim, repeat or compress more than they hold."""

from __future__ import annotations

import argparse
import datetime
import os
import pickle
import re
import resource
import struct
import zipfile
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shares import quick_where
from tests.timing import soon
from weights import GhostError, ImportRefused
from weights.importers import import_file
from weights.importers.checkpoints import read_checkpoint

LONGEST, CONSTANT = 1.0, 64 << 20
torch: Any = pytest.importorskip("torch")


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def with_pickle(path: Path, data: bytes, **records: bytes) -> Path:
    """A file of torch.save with that pickle in it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", b"3\n")
        archive.writestr("archive/byteorder", b"little")
        for key, record in records.items():
            archive.writestr(f"archive/data/{key}", record)
    return path


def call(name: bytes, arguments: bytes) -> bytes:
    """A pickle that calls a function on something."""
    return b"\x80\x02c" + name + b"\n" + arguments + b"\x85R."


def deflated(path: Path) -> Path:
    source = saved(path.with_name("plain.pt"), {"a": torch.zeros(1 << 20)})
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return path


def overlapping(path: Path) -> Path:
    """Two names for the same bytes of the archive."""
    saved(path, {"a": torch.zeros(1 << 20), "b": torch.zeros(1 << 20)})
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo(f"{path.stem}/data/0").header_offset
        other = archive.getinfo(f"{path.stem}/data/1").header_offset
    data = bytearray(path.read_bytes())
    directory = data.rindex(struct.pack("<I", other))
    data[directory : directory + 4] = struct.pack("<I", place)
    del data[other : other + (1 << 22)]
    path.write_bytes(data)
    return path


def of_old_pytorch(path: Path) -> Path:
    """A storage that claims more numbers than the file has, before PyTorch 1.6."""
    options = {"_use_new_zipfile_serialization": False}
    saved(path, {"a": torch.zeros(77)}, **options)
    data = path.read_bytes().replace(b"KM\x04", b"K\x4d", 1)
    place = data.index(b"K\x4d")
    path.write_bytes(data[:place] + b"J" + struct.pack("<i", 2**31 - 1) + data[place + 2 :])
    return path


def array_of(count: int) -> bytes:
    """A pickle of an array of NumPy that claims so many numbers and has one."""
    data = pickle.dumps(np.zeros(77, np.float32), protocol=2)
    number = b"J" + struct.pack("<i", 2**31 - 1)
    return data.replace(b"K\x4d", number, 1) if count else data


def nested(data: bytes) -> bytes:
    """A pickle that asks for the storage of a file of its own."""
    text = pickle.BINBYTES + struct.pack("<I", len(data)) + data
    return b"\x80\x03ctorch.storage\n_load_from_bytes\n" + text + b"\x85R."


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "a number shown a billion times": lambda p: saved(p, {"a": torch.zeros(1).expand(10**9)}),
    "numbers under many names": lambda p: saved(
        p, {str(i): (x := torch.zeros(1 << 14)) if not i else x for i in range(2_000)}
    ),
    "compressed": deflated,
    "overlapping": overlapping,
    "claims of old": of_old_pytorch,
    "bytearray": lambda p: with_pickle(
        p, call(b"builtins\nbytearray", b"\x8a\x05\x00\xf2\x05\x2a\x01")
    ),
    "storage": lambda p: with_pickle(p, call(b"torch\nFloatStorage", b"J\x00\xca\x9a\x3b")),
    "tensor": lambda p: with_pickle(p, call(b"torch\nFloatTensor", b"J\x00\xca\x9a\x3b")),
    "operations": lambda p: with_pickle(p, b"\x80\x02" + b"}" * 4_000_000 + b"."),
    "memo": lambda p: with_pickle(p, b"\x80\x02}r\xff\xff\xff\x7f."),
    "frame": lambda p: with_pickle(p, b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f}."),
    "collections of collections": lambda p: with_pickle(
        p, b"\x80\x02]q\x00(" + b"N" * 20_000 + b"e0"
        + b"ccollections\nOrderedDict\nh\x00\x85R0" * 5_000 + b"N."
    ),
    "system": lambda p: with_pickle(p, call(b"os\nsystem", b"X\x04\x00\x00\x00true")),
    "keys that nest": lambda p: with_pickle(
        p, b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"Ns."
    ),
    "sets that nest": lambda p: with_pickle(
        p, b"\x80\x04(" * 2 + b"\x91(" * 1 + b"\x91" + b"."
    ),
    "an array that claims": lambda p: with_pickle(p, array_of(2**40)),
    "a storage in a storage": lambda p: with_pickle(p, nested(nested(b""))),
    "attributes of a tensor": lambda p: with_pickle(p, b"\x80\x02ctorch\nfloat32\n}b."),
}  # fmt: skip


@pytest.mark.parametrize("kind", quick_where(lambda kind: kind != "operations", HOSTILE))
def test_a_file_that_claims_more_than_it_holds_is_refused_at_once(
    kind: str, tmp_path: Path
) -> None:
    path = HOSTILE[kind](tmp_path / "hostile.pth")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with soon(LONGEST), pytest.raises(GhostError) as caught:
        import_file(path, "seed")

    assert str(caught.value).startswith(str(path))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < 2 * path.stat().st_size + CONSTANT


def test_a_tensor_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", {"a": torch.zeros(7, 5)})
    with zipfile.ZipFile(path) as archive:
        wide = archive.read("a/data.pkl").replace(b"K\x07K\x05\x86", b"K\x08K\x05\x86")
        records = {"0": archive.read("a/data/0")}

    with pytest.raises(ImportRefused, match="holds more than tensors"):
        read_checkpoint(with_pickle(path, wide, **records))


@pytest.mark.slow
@pytest.mark.parametrize("is_old", [False, True])
def test_what_training_saves_is_read(tmp_path: Path, is_old: bool) -> None:
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    tied = layer.weight.detach()
    content = {
        "args": argparse.Namespace(lr=0.1), "metric": np.float64(0.9), "array": np.arange(3),
        "when": datetime.date(2020, 1, 2), "where": Path("a"), "counts": defaultdict(list, a=[1]),
        "state_dict": layer.state_dict() | {"tied": tied, "view": tied[1], "column": tied[:, 1]},
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "epoch": 3, "best": 0.5, "name": "naïve", "size": torch.Size([2, 3]),
        "dtype": torch.float32, "device": torch.device("cpu"), "milestones": Counter([1]),
        "parameter": layer.weight, "set": {1, 2}, "raw": b"bytes", "ordered": OrderedDict(a=1),
    }  # fmt: skip
    options = {"_use_new_zipfile_serialization": not is_old}
    path = saved(tmp_path / "training.pth", content, **options)

    found = read_checkpoint(path, "state_dict").tensors

    assert found["column"].tolist() == layer.weight[:, 1].tolist()
    np.testing.assert_array_equal(found["weight"], layer.weight.detach().numpy())


@pytest.mark.parametrize("module", [b"pathlib", b"pathlib._local"])
def test_a_path_that_any_python_saved_is_left_out(tmp_path: Path, module: bytes) -> None:
    path = saved(tmp_path / "run.pth", {"a": torch.ones(2), "where": Path("a")})
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        content, records = archive.read(name), {"0": archive.read(name[:-8] + "data/0")}
    content, replaced = re.subn(rb"pathlib(\._local)?\n", module + b"\n", content)

    found = read_checkpoint(with_pickle(path, content, **records))

    assert replaced == 1
    assert list(found.tensors) == ["a"]


def test_an_entry_under_a_number_is_none(tmp_path: Path) -> None:
    states = {number: {"a": torch.full((2, 2), float(number))} for number in (1, 2)}
    path = saved(tmp_path / "twice.pth", {1: states[1], "1": states[2]})

    found = read_checkpoint(path)

    assert (found.entry, found.beside, found.tensors["a"][0, 0]) == ("1", ("1",), 2)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    for name in ("a.pth", "a.npz", "a.safetensors"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(GhostError, match="must be a file, not a pipe or a device"):
            read_checkpoint(tmp_path / name)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_plain_pickle_of_arrays_or_tensors_is_read(tmp_path: Path, protocol: int) -> None:
    kernel = np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3))
    content = {"kernel": kernel, "tensor": torch.arange(4.0).reshape(2, 2), "step": 7}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol=protocol))

    found = read_checkpoint(tmp_path / "a.pkl")

    assert found.dropped == {"int": 1}
    assert found.tensors["kernel"].tolist() == kernel.tolist()
    assert found.tensors["tensor"].tolist() == [[0, 1], [2, 3]]


def test_a_plain_pickle_without_tensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"a": 1}))

    with pytest.raises(GhostError, match="must hold one state dict"):
        read_checkpoint(tmp_path / "a.pth")
