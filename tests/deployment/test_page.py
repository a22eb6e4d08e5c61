"""What `docs/deployment.md` shows runs as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import weights
from tests.columns import normal, tensors_of
from weights.commands.cli import main
from weights.deployment.artefacts import open_artefact
from weights.deployment.targets import TARGETS

PAGE = Path(__file__).parents[2] / "docs" / "deployment.md"
SECTION = re.compile(r"^### ([\w-]+)\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
CONFIG: dict[str, Any] = {"c_in": 3, "c_out": 6}


def sections() -> dict[str, str]:
    return dict(SECTION.findall(PAGE.read_text()))


def blocks(target: str, language: str) -> str:
    return "".join(re.findall(rf"```{language}\n(.*?)```", sections()[target], re.DOTALL))


def run_section(target: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command of a target and then its lines of Python, which make what is asserted."""
    monkeypatch.chdir(folder)
    tensors = tensors_of("ghost_conv", **CONFIG)
    weights.write_file("network.safetensors", "ghost_conv", CONFIG, tensors)
    program, *arguments = shlex.split(blocks(target, "sh"))
    done = CliRunner().invoke(main, arguments)
    assert program == "ghost-weights" and done.exit_code == 0, done.output
    runtime = open_artefact(arguments[-1])
    images = normal(2, 3, 12, 10)
    is_last = runtime.notes.layout == "nhwc"

    names: dict[str, Any] = {"images": images.transpose(0, 2, 3, 1).copy() if is_last else images}
    exec(blocks(target, "python"), names)

    logits = np.asarray(names["logits"])
    found = logits.transpose(0, 3, 1, 2) if is_last else logits
    np.testing.assert_allclose(found, runtime.run(images), rtol=1e-5, atol=1e-5)


def test_the_page_has_a_section_for_each_target() -> None:
    assert set(TARGETS) <= set(sections())


@pytest.mark.matrix
@pytest.mark.parametrize("target", ["onnx", "pt2", "aoti", "litert", "saved-model", "stablehlo"])
def test_the_lines_of_a_runtime_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    run_section(target, tmp_path, monkeypatch)


@pytest.mark.runtimes
@pytest.mark.parametrize("target", ["openvino", "executorch", "ncnn"])
def test_the_lines_of_a_heavy_runtime_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    run_section(target, tmp_path, monkeypatch)
