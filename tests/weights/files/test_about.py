"""The annotations of a file: typed, and covered by a digest from format 1.1 on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.columns import tensors_of
from weights import ArgumentError, DigestError, FormatError, GhostError, read_file, write_file
from weights.files.settings import check_settings, imagenet
from weights.prediction.preprocess import preprocess

LAYER = {"c_in": 2, "c_out": 4}
ABOUT: dict[str, Any] = {
    "source": {"importer": "seed"},
    "preprocess": imagenet(),
    "classes": ["cat", "dog"],
}
WRONG = [
    ({"source": [1, 2]}, "`source` must be an object, got [1, 2]"),
    ({"source": {"original": "x"}}, "`source.original` must be an object, got 'x'"),
    ({"classes": "cat"}, "`classes` must be a list of names, got 'cat'"),
    ({"classes": [1]}, "`classes` must be a list of names, got [1]"),
    ({"classes": {"a": 1}}, "`classes` must be a list of names, got {'a': 1}"),
    ({"preprocess": 5}, "`preprocess` must be an object of settings, got 5"),
    ({"preprocess": imagenet() | {"resize": [30_000, 30_000]}},
     "`preprocess.resize` must be at most 2048, got 30000: use a smaller one, or raise the limit "
     "by the environment variable GHOSTCONV_LARGEST_IMAGE"),
    ({"preprocess": imagenet() | {"mean": [0, 0, 10**400]}},
     "`preprocess.mean` must be a finite number above -inf, got an integer of about 401 digits"),
]  # fmt: skip


def written(path: Path, **about: Any) -> dict[str, Any]:
    write_file(path, "ghost_conv", LAYER, tensors_of("ghost_conv", **LAYER), **about)
    return read_file(path).metadata


def test_a_file_that_says_nothing_besides_is_of_format_1_0(tmp_path: Path) -> None:
    metadata = written(tmp_path / "plain")

    assert (metadata["format_version"], metadata["producer"]["format_code"]) == ("1.0", "1.0")
    assert "about_sha256" not in metadata


@pytest.mark.parametrize("key", sorted(ABOUT))
def test_a_file_that_says_something_besides_is_of_format_1_1(tmp_path: Path, key: str) -> None:
    metadata = written(tmp_path / "file", **{key: ABOUT[key]})

    assert (metadata["format_version"], metadata["producer"]["format_code"]) == ("1.1", "1.1")
    assert metadata[key] == ABOUT[key]


@pytest.mark.parametrize("key", sorted(ABOUT))
def test_what_was_changed_besides_the_tensors_is_noticed(
    tmp_path: Path, key: str, edit_metadata: Callable[..., None]
) -> None:
    path = tmp_path / "file"
    written(path, **ABOUT)
    changed = {
        "source": {},
        "classes": ["dog", "cat"],
        "preprocess": imagenet(size=96),
    }
    edit_metadata(path, lambda metadata: metadata.update({key: changed[key]}))

    with pytest.raises(DigestError) as caught:
        read_file(path)

    words = "preprocess, classes, order or source changed (SHA-256 differs)"
    assert str(caught.value) == f"{path}: {words}"


def test_a_file_of_format_1_1_without_its_digest_is_refused(
    tmp_path: Path, edit_metadata: Callable[..., None]
) -> None:
    path = tmp_path / "file"
    written(path, **ABOUT)
    edit_metadata(path, lambda metadata: metadata.pop("about_sha256"))

    with pytest.raises(DigestError):
        read_file(path)


def test_a_file_of_format_1_0_says_things_besides_without_a_digest(
    tmp_path: Path, edit_metadata: Callable[..., None]
) -> None:
    path = tmp_path / "file"
    written(path)
    edit_metadata(path, lambda metadata: metadata.update(ABOUT))

    assert read_file(path).metadata["classes"] == ["cat", "dog"]


@pytest.mark.parametrize(("about", "text"), WRONG)
def test_what_is_of_another_type_is_refused_on_writing_and_on_reading(
    tmp_path: Path, about: dict[str, Any], text: str, edit_metadata: Callable[..., None]
) -> None:
    path = tmp_path / "file"
    with pytest.raises(ArgumentError) as refused:
        written(path, **about)
    written(path)
    edit_metadata(path, lambda metadata: metadata.update(about))
    with pytest.raises(FormatError) as caught:
        read_file(path)

    assert str(refused.value) == text
    assert str(caught.value) == f"{path}: {text}"


def test_a_source_that_is_no_json_is_refused_on_writing(tmp_path: Path) -> None:
    for value in (object(), float("nan")):
        with pytest.raises(ArgumentError, match="`source` must be JSON: "):
            written(tmp_path / "file", source={"x": value})


def test_an_image_that_would_grow_beyond_measure_is_refused() -> None:
    import numpy as np

    settings = {key: value for key, value in imagenet().items() if key != "crop"}
    check_settings(settings)

    with pytest.raises(GhostError, match="an image may have 2048 x 2048 pixels at most, got 256 x"):
        preprocess(np.zeros((1, 2, 4000, 3), np.uint8), settings)
