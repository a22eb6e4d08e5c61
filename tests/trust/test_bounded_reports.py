"""A refusal takes a second and 20 kB of text at most, whatever is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.timing import soon
from weights import (
    GhostError,
    MismatchError,
    TensorSpec,
    check_tensors,
    configure,
    read_file,
    strict_json,
)
from weights.errors import FormatError

LONGEST, MOST_TEXT = 1.0, 20_000
SCALAR = np.zeros(1, np.float32)


def refusal(call: Callable[[], Any]) -> str:
    """The text of the error, once it is known to be bounded and printable."""
    with soon(LONGEST), pytest.raises(GhostError) as caught:
        call()
    text = str(caught.value)
    assert len(text.encode()) <= MOST_TEXT
    assert text.replace("\n", "").isprintable()
    return text


def header_of(path: Path, pairs: str) -> Path:
    text = f"{{{pairs}}}".encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    return path


def test_a_header_of_thousands_of_names_and_one_twice_is_refused_at_once(tmp_path: Path) -> None:
    pairs = ",".join(f'"{i:05d}":0' for i in range(20_000)) + ',"19999":0'

    text = refusal(lambda: read_file(header_of(tmp_path / "twice", pairs)))

    assert text.endswith("is not a safetensors file: its header has '19999' twice")


def test_a_header_of_as_many_tensors_as_there_may_be_is_refused_in_a_second(tmp_path: Path) -> None:
    entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    pairs = ",".join(f'"{i:05d}":{entry}' for i in range(32_000))

    assert "not an interchange file" in refusal(lambda: read_file(header_of(tmp_path / "x", pairs)))


def test_a_report_of_wrong_entries_counts_what_it_does_not_name(tmp_path: Path) -> None:
    pairs = ",".join(f'"{i:05d}{"n" * 400}":0' for i in range(4_000))

    assert refusal(lambda: read_file(header_of(tmp_path / "wrong", pairs))).endswith("3990 more")


def test_thousands_of_names_like_each_other_are_told_apart_at_once() -> None:
    specs = [TensorSpec(f"{'ab' * 20}{i:05d}", "norm_bias", (1,)) for i in range(2_000)]
    tensors = {f"{'ba' * 20}{i:05d}": SCALAR for i in range(2_000)}

    text = refusal(lambda: check_tensors(specs, tensors))

    assert "4000 problems:" in text and text.endswith("and 3960 more")


def test_the_tensors_of_another_network_are_refused_at_once() -> None:
    v2, v3 = (configure(name, {}).tensors() for name in ("ghostnetv2", "ghostnetv3"))
    tensors = {spec.name: np.broadcast_to(SCALAR, spec.shape) for spec in v2}

    text = refusal(lambda: check_tensors(v3, tensors))

    assert text.startswith("cannot load weights; nothing was changed. ")
    assert "missing tensor" in text


def test_a_name_of_a_megabyte_is_cut() -> None:
    refusal(lambda: check_tensors([], {"\x1b[31m" * 200_000: SCALAR}))


def test_every_problem_is_kept_for_programs() -> None:
    tensors = {f"{i}": SCALAR for i in range(100)}

    with pytest.raises(MismatchError) as caught:
        check_tensors([], tensors)

    assert len(caught.value.problems) == 100


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]0;title\x07",
        "\u202eevil",
        "\ud800",
        "\r\x08",
        "x" * 10**6,
        "\U000e0001" * 10**5,
        "é" * 10**5,
    ],
)
def test_the_text_of_an_error_is_printable_and_bounded(text: str) -> None:
    def fail() -> None:
        raise FormatError(text)

    refusal(fail)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 1}', "has 'a' twice"),
        ('{"config": {"a": 1, "a": 1}}', "has 'a' twice"),
        ('{"a": NaN}', "has NaN, which is no number of JSON"),
        ('{"a": 1e999}', "has a number that is too large"),
        ('{"a": ' + "9" * 5_000 + "}", "is not JSON"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "is nested too deeply"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"\\ud800": 1}', "has '\\ud800', which is no text"),
        ('{"a": ["\u00e9", {"b": "\\udc00"}]}', "has '\\udc00', which is no text"),
        ("{oops", "is not JSON"),
    ],
)
def test_an_entry_that_means_two_things_or_none_is_refused(
    text: str, reason: str, tmp_path: Path
) -> None:
    entry = json.dumps({"ghost_weights": text})
    path = header_of(tmp_path / "entry", f'"__metadata__":{entry}')

    assert refusal(lambda: read_file(path)) == f"{path}: the ghost_weights entry {reason}"


def test_json_of_32_levels_is_the_deepest() -> None:
    assert strict_json.loads("[" * 32 + "]" * 32)
    with pytest.raises(FormatError, match="the text is nested too deeply"):
        strict_json.loads("[" * 33 + "]" * 33)
