"""The process of an implementation runs no code that lies in the working folder by chance."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from conformance.cases.layers import layer_cases
from conformance.cases.model import make_model
from conformance.implementations.process import ProcessImplementation

PLANTED = ("conformance", "numpy", "json", "weights", "sitecustomize")
PROGRAM = """
import numpy

def build(architecture, config, weights):
    return lambda x: numpy.zeros((1,), numpy.float32)
"""


def test_an_implementation_is_found_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').close()\n")
    (tmp_path / "mine.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    case = next(layer_cases("module", ["normal"]))

    with closing(ProcessImplementation("mine:build")) as process:
        assert process.call(*make_model(case)).shape == (1,)

    assert not (tmp_path / "sprung").exists()
