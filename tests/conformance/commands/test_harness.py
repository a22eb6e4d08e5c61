"""The run as a command: its exit code, and what it says of wrong usage."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from conformance.cases.model import plain_weights
from conformance.commands.cli import main
from conformance.implementations.process import ProcessImplementation
from conformance.tiers import NetworkTier, Settings
from weights import GhostError, write_file
from weights.files.storage import write_safetensors
from weights.frameworks import FRAMEWORKS

DRAWN = "k1x3-s3x3-p2x1-r4.0-dw5-c6x6-3x12-n1-d1x2-g2-silu-offset"  # the third random layer
RARE = "k1-s1-p0-r1.5-dw3-c5x10-6x6-n2-normal"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def fake(name: str, *more: str) -> Result:
    case = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-normal"
    arguments = ["--implementation", f"tests.conformance.fakes:{name}", "--tier", "module"]
    return invoke("run", *arguments, "--case", case, *more)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Fake", 0, "1 passed"),
        ("Raises", 1, "RuntimeError: out of ideas"),
        ("Exits", 1, "exit code 7"),
        ("Refuses", 3, "nothing ran: every case was skipped"),
    ],
)
def test_the_exit_code_says_how_it_went(name: str, code: int, words: str) -> None:
    result = fake(name)
    assert result.exit_code == code
    assert words in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--implementation", "nonsense"], "must be one of ghost_torch, ghost_jax, ghost_tf"),
        (["--tier", "nonsense"], "'nonsense' is not one of"),
        (["--tier", "exact", "--case", "nonsense"], "no case is called 'nonsense': see `ghost-"),
        (
            ["--case", "k1-s1-p0-r2-dw3-c8x16-8x8-n2-integer"],
            "is k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers meant?",
        ),
        (["--tier", "exact", "--case", "ghost_conv-sizes"], "sizes': it is one of sequence"),
        (["--case", DRAWN], "is one of random by `--random 3` or more"),
        (["--tier", "training", "--case", RARE], "it is one of module, training by `--full`"),
        (["--weights", "a.safetensors"], "`--weights` and `--images` belong together"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], words: str) -> None:
    result = invoke("run", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_an_implementation_that_cannot_be_started_is_wrong_usage() -> None:
    result = fake("NoSuchClass")
    assert result.exit_code == 2
    assert "has no function 'NoSuchClass'" in result.output


def test_list_prints_every_case_of_a_tier() -> None:
    lines = invoke("list", "--tier", "exact").output.splitlines()
    assert "exact  k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers" in lines
    assert all(line.startswith("exact  ") for line in lines)


def test_list_prints_the_cases_that_hold_a_clause() -> None:
    lines = invoke("list", "--tier", "exact", "--clause", "3.2").output.splitlines()

    assert "exact  k1-s1-p0-r1-dw3-c6x9-5x5-n2-integers" in lines
    assert not [line for line in lines if "-r3-" in line]
    assert "has no clause '99.1'" in invoke("list", "--clause", "99.1").output


@pytest.mark.slow
def test_a_real_run_writes_a_header_with_versions(tmp_path: Path) -> None:
    fake("Fake", "--report", str(tmp_path))
    header = json.loads((tmp_path / "report.jsonl").read_text().splitlines()[0])
    assert {"python", "numpy", "cores", "tiers", "implementations", "missing"} <= header.keys()


@pytest.mark.parametrize("name", ["layer", "absent", "unprepared"])
def test_files_that_no_network_can_be_run_from_are_wrong_usage(name: str, tmp_path: Path) -> None:
    text = {
        "layer": "holds a layer, tier network runs a trained network",
        "absent": "cannot read",
        "unprepared": "does not say how images are preprocessed",
    }
    architecture = "ghost_conv" if name == "layer" else "ghost_resnet20"
    config = {"c_in": 2, "c_out": 4} if name == "layer" else {}
    weights, images = tmp_path / "weights.safetensors", tmp_path / "images.safetensors"
    if name != "absent":
        write_file(weights, architecture, config, plain_weights(architecture, config))
    arrays = {"images": np.zeros((1, 8, 8, 3), np.uint8), "labels": np.zeros(1, np.int64)}
    write_safetensors(images, arrays, {"about": "nothing"})
    tier = NetworkTier(Settings(weights=weights, images=images))
    with (
        closing(ProcessImplementation("oracle")) as process,
        pytest.raises(GhostError, match=text[name]),
    ):
        tier.judge(tier.cases()[0], process)


def test_what_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weights.frameworks.find_spec", lambda name: None)
    assert [framework.reason for framework in FRAMEWORKS.values()] == [
        "ghost_torch, torch not installed: pip install 'ghostconv[torch]'",
        "ghost_jax, jax, flax not installed: pip install 'ghostconv[jax]'",
        "ghost_tf, keras, tensorflow not installed: pip install 'ghostconv[tf]'",
    ]


def test_with_nothing_installed_the_harness_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weights.frameworks.find_spec", lambda name: None)
    result = invoke("run", "--tier", "exact")
    assert result.exit_code == 3
    assert "nothing ran: install one of the frameworks" in result.output


def test_a_missing_one_asked_for_by_name_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weights.frameworks.find_spec", lambda name: None)
    result = invoke("run", "--implementation", "ghost_jax", "--tier", "exact")
    assert result.exit_code == 2
    assert "ghost_jax is missing" in result.output
