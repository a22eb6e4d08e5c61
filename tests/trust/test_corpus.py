"""Files of every version of the format are read, with the numbers that were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trust.corpus import FOLDED, about, contents, version
from weights import read_file, write_file

FIXTURES = Path(__file__).parents[1] / "fixtures"
CONTENTS = contents()
FILES = sorted(FIXTURES.glob("format-*/*.safetensors"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_of_an_earlier_version_is_read_as_it_was_written(path: Path) -> None:
    architecture, config, tensors = CONTENTS[path.stem]

    file = read_file(path)

    assert file.architecture == architecture
    assert config.items() <= file.config.items()
    assert about(path.stem).items() <= file.metadata.items()
    assert {name: array.tobytes() for name, array in file.tensors.items()} == {
        name: array.tobytes() for name, array in tensors.items()
    }


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_the_present_version_writes_the_same_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "again.safetensors"

    write_file(path, *CONTENTS[name], **about(name))

    kept = FIXTURES / version(name) / f"{name}.safetensors"
    assert path.read_bytes() == kept.read_bytes()
    assert f"format-{read_file(path).metadata['format_version']}" == version(name)


def test_no_file_of_the_corpus_is_missing() -> None:
    assert {path.stem for path in FILES} == set(CONTENTS)
    assert FOLDED in CONTENTS
