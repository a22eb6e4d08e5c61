"""Files that are damaged, edited or of another kind: each has its own word."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from weights import (
    DigestError,
    FormatError,
    FormatWarning,
    GhostError,
    MismatchError,
    read_file,
    read_metadata,
)
from weights.files import storage


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent.safetensors"

    for read in (read_file, read_metadata):
        with pytest.raises(FormatError) as caught:
            read(path)
        assert str(caught.value) == f"cannot read {path}: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_file(tmp_path)

    assert str(caught.value) == f"cannot read {tmp_path}: Is a directory"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", " is not a safetensors file: it is empty"),
        (b"\x01\x02", " is not a safetensors file, or is cut short: its header claims 513 bytes"),
        (b"PK\x03\x04 and more", " is not a safetensors file: it is a zip archive"),
        (b"\x89HDF\r\n\x1a\n", " is not a safetensors file: it is an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1", " is not a safetensors file: it is a git"),
        (b"<!DOCTYPE html><title>404", " is not a safetensors file: it is an HTML page"),
        (
            b"\x80\x02}q\x00X\x06\x00\x00 a pickle",
            " is not a safetensors file: it is a pickle",
        ),
        (b"\x02" + bytes(7) + b"{}", " is a safetensors file, but not an interchange file"),
        (b"\x02" + bytes(7) + b"[]", " is not a safetensors file: its header is not a JSON object"),
        (b"\x02" + bytes(7) + b"\xff\xfe", " is not a safetensors file: its header is not JSON"),
        (
            b"\x07" + bytes(7) + b'{"a":1}',
            " is not a safetensors file: wrong header entries: 'a'",
        ),
    ],
)
def test_another_kind_of_file_is_told_apart(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert str(caught.value).startswith(f"{path}{text}")


def test_a_foreign_safetensors_file_is_sent_to_the_importer(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    safetensors.numpy.save_file({"weight": np.zeros(3, np.float32)}, path, {"format": "pt"})

    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert str(caught.value) == (
        f"{path} is a safetensors file, but not an interchange file (it has no ghost_weights "
        "entry): use `ghost-weights import`"
    )


@pytest.mark.parametrize("kept", [0.1, 0.99])
def test_a_file_cut_short_is_refused(write_layer: Callable[..., Path], kept: float) -> None:
    path = write_layer("layer.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])

    with pytest.raises(FormatError, match=r"is cut short|is not a whole safetensors file"):
        read_file(path)


def test_an_entry_that_is_not_json_is_refused(
    write_layer: Callable[..., Path], edit_header: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    edit_header(path, lambda header: header["__metadata__"].update(ghost_weights="{oops"))

    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert str(caught.value) == f"{path}: the ghost_weights entry is not JSON"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"config": None, "tensors": []}, "the ghost_weights entry lacks config, tensors"),
        ({"architecture": ["x"]}, "the ghost_weights entry lacks architecture"),
        ({"tensors": {"a": 1}}, "the ghost_weights entry lacks kind or sha256 of the tensors a"),
        (
            {"format_version": "2.0", "tensors": None},
            "has format version 2.0, this package reads 1.1: install a newer ghostconv",
        ),
    ],
)
def test_a_wrong_entry_is_refused_by_name(
    write_layer: Callable[..., Path],
    edit_metadata: Callable[..., None],
    change: dict[str, Any],
    text: str,
) -> None:
    path = write_layer("layer.safetensors")
    edit_metadata(path, lambda metadata: metadata.update(change))

    for read in (read_file, read_metadata):
        with pytest.raises(FormatError) as caught:
            read(path)
        assert str(caught.value).endswith(text)


def test_a_later_minor_version_is_read_with_a_note(
    write_layer: Callable[..., Path], edit_metadata: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    edit_metadata(path, lambda metadata: metadata.update(format_version="1.7", extra="field"))

    with pytest.warns(FormatWarning, match=r"version 1\.7, this package knows 1\.1: what is new"):
        file = read_file(path)

    assert file.metadata["extra"] == "field"


def test_one_flipped_bit_names_the_damaged_tensor(write_layer: Callable[..., Path]) -> None:
    path = write_layer("layer.safetensors")
    bias = read_file(path).tensors["cheap_conv.1.bias"].tobytes()
    data = bytearray(path.read_bytes())
    data[data.index(bias) + 5] ^= 1
    path.write_bytes(data)

    with pytest.raises(DigestError) as caught:
        read_file(path)

    assert str(caught.value) == f"{path}: damaged tensors (SHA-256 differs): cheap_conv.1.bias"


def test_an_edited_configuration_is_noticed(
    write_layer: Callable[..., Path], edit_metadata: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    edit_metadata(path, lambda metadata: metadata["config"].update(bn_eps=1e-3))

    with pytest.raises(DigestError) as caught:
        read_file(path)

    assert str(caught.value) == (f"{path}: architecture or configuration changed (SHA-256 differs)")


def test_an_edited_kind_is_noticed(
    write_layer: Callable[..., Path], edit_metadata: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    name = "primary_conv.0.weight"
    edit_metadata(path, lambda metadata: metadata["tensors"][name].update(kind="linear"))

    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert str(caught.value).endswith(f"entry declares other tensors or kinds: {name}")


def test_a_configuration_that_does_not_fit_the_tensors_is_reported(
    write_layer: Callable[..., Path], edit_metadata: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    edit_metadata(path, lambda metadata: metadata["config"].update(c_in=4))

    with pytest.raises(MismatchError) as caught:
        read_file(path)

    assert caught.value.problems == (
        "tensor 'primary_conv.0.weight' must have shape (3, 4, 3, 5), got (3, 3, 3, 5)",
    )


@pytest.mark.slow
def test_no_flipped_byte_of_the_header_goes_unexplained(
    write_layer: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_layer("layer.safetensors")
    data, damaged = path.read_bytes(), tmp_path / "damaged"
    content = read_file(path).metadata["content_sha256"]
    refused = 0
    for position in range(0, 8 + int.from_bytes(data[:8], "little"), 3):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 7
        damaged.write_bytes(changed)
        try:
            assert read_file(damaged).metadata["content_sha256"] == content
        except GhostError:
            refused += 1

    assert refused > 100


def hostile(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return len(text).to_bytes(8, "little") + text + data


F32 = '"dtype":"F32","shape":[1],"data_offsets":'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(hostile(f'{{"a":{{{F32}[0,4]}},"a":{{{F32}[0,4]}}}}', bytes(4)),
                     "its header has 'a' twice", id="duplicate"),
        pytest.param(hostile(f'{{"a":{{{F32}[4,8]}}}}', bytes(8)),
                     "the bytes of tensor 'a' and those before it leave a hole", id="hole"),
        pytest.param(hostile(f'{{"a":{{{F32}[0,4]}},"b":{{{F32}[2,6]}}}}', bytes(6)),
                     "the bytes of tensor 'b' and those before it overlap", id="overlap"),
        pytest.param(hostile(f'{{"a":{{{F32}[0,4]}}}}', bytes(9)),
                     "5 bytes follow its tensors", id="trailing"),
        pytest.param(hostile(f'{{"a":{{{F32}[0,4]}}}}', bytes(3)),
                     "its tensors have 4 bytes, the file has 3: it is cut short", id="short"),
        pytest.param(hostile('{"a":{"dtype":"F32","shape":[4294967296,4294967296],'
                             '"data_offsets":[0,4]}}', bytes(4)),
                     "has 4 bytes, its shape [4294967296, 4294967296] wants", id="overflow"),
        pytest.param(hostile('{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}', bytes(1)),
                     "tensor 'a' has the unsupported dtype F8", id="dtype"),
        pytest.param(hostile(f'{{"a\\u0000b":{{{F32}[0,4]}}}}', bytes(4)),
                     "wrong header entries: 'a\\x00b'", id="name"),
        pytest.param(hostile('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)),
                     "wrong header entries: 'a'", id="negative"),
        pytest.param(hostile('{"__metadata__":{"x":1}}'),
                     "wrong header entries: '__metadata__'", id="metadata"),
        pytest.param(hostile("[" * 100_000), "its header is nested too deeply", id="depth"),
        pytest.param((2_000_001).to_bytes(8, "little") + bytes(2_000_001),
                     "the header has 2000001 bytes, more than 2000000: raise the limit by the "
                     "environment variable GHOSTCONV_LARGEST_HEADER, if it is yours", id="long"),
        pytest.param((2**60).to_bytes(8, "little") + b"{}",
                     "its header claims 1152921504606846976 bytes", id="gigantic"),
    ],
)  # fmt: skip
def test_a_hostile_header_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)

    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert text in str(caught.value)


def test_a_configuration_that_asks_for_more_than_the_file_holds_is_refused(
    write_layer: Callable[..., Path], edit_metadata: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    gigantic = {"c_in": 4, "c_mid": 8, "c_out": 6, "branches": 2000}
    change = {"architecture": "ghost_bottleneck", "config": gigantic}
    edit_metadata(path, lambda metadata: metadata.update(change))

    with pytest.raises(MismatchError, match="is not a whole ghost_bottleneck"):
        read_file(path)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            "cheap_conv.1.bias",
            np.nan,
            "tensor 'cheap_conv.1.bias' has nan at [0], which is not fin",
        ),
        ("primary_conv.1.weight", np.inf, "has inf at [0], which is not finite"),
        ("cheap_conv.1.running_var", -1.0, "has -1.0 at [0], which is a negative variance"),
    ],
)
def test_numbers_that_no_trained_module_has_are_refused_unless_asked_for(
    write_layer: Callable[..., Path], name: str, value: float, text: str
) -> None:
    sound = read_file(write_layer("sound.safetensors")).tensors[name].copy()
    sound[0] = value
    path = write_layer("layer.safetensors", {name: sound})

    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert text in str(caught.value)
    assert str(caught.value).endswith("pass allow_invalid=True to take it")
    assert read_file(path, allow_invalid=True).tensors[name][0] == pytest.approx(value, nan_ok=True)


def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    write_layer: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_layer("layer.safetensors")
    check_end = storage.header.check_end

    def meddle(*arguments: Any) -> None:
        check_end(*arguments)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        os.utime(path, ns=(0, 0))

    monkeypatch.setattr(storage.header, "check_end", meddle)

    with pytest.raises(FormatError) as error:
        storage.read_safetensors(path)

    assert str(error.value) == f"{path} changed while it was read: read it again"
