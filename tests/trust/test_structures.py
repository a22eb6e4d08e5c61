"""Headers of any structure: refused in our words, or read as what they say."""

from __future__ import annotations

import json
import tempfile
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, seed, settings
from hypothesis import strategies as st

from weights import FormatError
from weights.files.header import METADATA, READABLE_DTYPES
from weights.files.storage import read_safetensors

DTYPES = st.sampled_from([*READABLE_DTYPES, "F8_E4M3", "C64", "", None, 4])
SIZES = st.one_of(st.integers(0, 4), st.sampled_from([-1, 2**31, 2**63, 2**64, 1.5, "2", None]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@st.composite
def sound_headers(draw: Any) -> tuple[dict[str, Any], int]:
    """Tensors one after the other, and the bytes that they need."""
    header: dict[str, Any] = {}
    end = 0
    for name in draw(st.lists(st.text("abc._0", min_size=1, max_size=6), unique=True, max_size=4)):
        dtype = draw(st.sampled_from(list(READABLE_DTYPES)))
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        start, end = end, end + prod(shape) * READABLE_DTYPES[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    return header, end


@st.composite
def files(draw: Any) -> tuple[Any, bytes]:
    """A header of which some places may be anything, and data of about the right size."""
    header: Any
    header, size = draw(sound_headers())
    for name in draw(st.lists(st.sampled_from(sorted(header)), max_size=2)) if header else ():
        field = draw(st.sampled_from(["dtype", "shape", "data_offsets", "more", None]))
        strange = draw(DTYPES if field == "dtype" else st.lists(SIZES, max_size=3) | JSON)
        if field is None:
            header[name] = strange
        elif isinstance(header[name], dict):
            header[name][field] = strange
    if draw(st.booleans()):
        header[METADATA] = draw(st.dictionaries(st.text(max_size=4), st.text(max_size=4)) | JSON)
    header = draw(st.sampled_from([header] * 9 + [[header], None]))
    return header, draw(st.binary(min_size=size, max_size=size) | st.binary(max_size=64))


@pytest.mark.slow
@seed(20260104)
@settings(max_examples=200, deadline=None, database=None)
@given(file=files())
def test_a_header_of_any_structure_is_refused_or_read_as_it_says(file: tuple[Any, bytes]) -> None:
    header, data = file
    text = json.dumps(header).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.safetensors")
        path.write_bytes(len(text).to_bytes(8, "little") + text + data)
        try:
            tensors, metadata = read_safetensors(path)
        except FormatError as error:
            event("refused")
            assert str(path) in str(error)
            return

    event("read")
    assert metadata == header.pop(METADATA, {})
    assert list(tensors) == sorted(header)
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        assert tensors[name].dtype == READABLE_DTYPES[entry["dtype"]]
        assert tensors[name].shape == tuple(entry["shape"])
        assert tensors[name].tobytes() == data[start:end]
