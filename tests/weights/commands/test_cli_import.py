"""The command line: import, export, and wrong usage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from safetensors.numpy import load_file, save_file

from weights import Config, configure, read_file, write_file
from weights.files.settings import imagenet


@pytest.fixture
def state_dict(tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]) -> Path:
    """A state dict of the seed's class."""
    path = tmp_path / "seed.safetensors"
    save_file(random_tensors(layer) | {"primary_conv.1.num_batches_tracked": np.array(3)}, path)
    return path


def test_import_says_what_was_dropped_and_assumed(
    run: Callable[..., Result], state_dict: Path, tmp_path: Path
) -> None:
    target = tmp_path / "layer"

    result = run("import", "--from", "seed", "--config", '{"stride": 2}', state_dict, "-o", target)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{target}: ghost_conv, 10 tensors",
        "dropped: 1 num_batches_tracked",
        "assumed: padding 0 (no tensor tells)",
        "assumed: bn_eps 1e-05 (no tensor tells)",
        "assumed: bn_momentum 0.1 (no tensor tells)",
    ]
    assert read_file(target).config["stride"] == 2


def test_import_keeps_an_existing_file_unless_told_otherwise(
    run: Callable[..., Result], state_dict: Path, tmp_path: Path
) -> None:
    target = tmp_path / "layer"
    target.write_bytes(b"old")

    kept = run("import", "--from", "seed", state_dict, "-o", target)
    replaced = run("import", "--from", "seed", state_dict, "-o", target, "--overwrite")

    assert (kept.exit_code, replaced.exit_code) == (1, 0)
    assert kept.stderr == f"Error: {target} exists: pass --overwrite to replace it\n"
    assert read_file(target).architecture == "ghost_conv"


@pytest.mark.parametrize(("preprocess", "stored"), [("auto", True), ("none", False)])
def test_import_assumes_preprocessing_unless_told_otherwise(
    run: Callable[..., Result],
    shared: Callable[[str], Path],
    tmp_path: Path,
    preprocess: str,
    stored: bool,
) -> None:
    source = shared("trained/ghost_resnet56_cifar10.safetensors")
    arguments = ["--from", "timm", "--architecture", "ghost_resnet56", "--preprocess", preprocess]

    result = run("import", *arguments, source, "-o", tmp_path / "network")
    metadata = read_file(tmp_path / "network").metadata

    assert result.exit_code == 0
    assert ("preprocess" in metadata, "classes" in metadata) == (stored, stored)


def test_export_is_the_inverse_of_import(
    run: Callable[..., Result], state_dict: Path, tmp_path: Path
) -> None:
    run("import", "--from", "seed", state_dict, "-o", tmp_path / "layer")

    result = run("export", "--to", "seed", tmp_path / "layer", "-o", tmp_path / "back")
    original, exported = load_file(state_dict), load_file(tmp_path / "back")

    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'back'}: 10 tensors\n"
    del original["primary_conv.1.num_batches_tracked"]
    assert {name: array.tobytes() for name, array in exported.items()} == {
        name: array.tobytes() for name, array in original.items()
    }


def test_an_export_that_would_change_the_meaning_is_one_message(
    run: Callable[..., Result],
    tmp_path: Path,
    layer: Config,
    random_tensors: Callable[..., Any],
) -> None:
    config = layer.to_dict() | {"activation": "silu"}
    write_file(tmp_path / "layer", "ghost_conv", config, random_tensors(layer))

    result = run("export", "--to", "seed", tmp_path / "layer", "-o", tmp_path / "back")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: a state dict of seed cannot say what the file says: ")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect"],
        ["verify", "a", "b"],
        ["unpack", "a"],
        ["import", "a", "-o", "b"],
        ["import", "--from", "caffe", "a", "-o", "b"],
        ["import", "--from", "seed", "--config", "[1]", "a", "-o", "b"],
        ["import", "--from", "seed", "--config", "{oops", "a", "-o", "b"],
        ["export", "--to", "timm", "a"],
    ],
)
def test_wrong_usage_has_exit_code_2(run: Callable[..., Result], arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


SCALING = {"divide_by": 255.0, "mean": [0.5] * 3, "std": [0.5] * 3, "layout": "NHWC"}


def test_preprocessing_that_is_given_wins(
    run: Callable[..., Result], tmp_path: Path, random_tensors: Callable[..., Any]
) -> None:
    tensors = random_tensors(configure("ghost_vgg16", {"ratio": 8}))
    renamed = {name.replace("cheap_conv", "cheap_operation"): x for name, x in tensors.items()}
    save_file(renamed, tmp_path / "kopi.weights")

    arguments = ["--from", "timm", "--preprocess", json.dumps(SCALING)]
    result = run("import", *arguments, tmp_path / "kopi.weights", "-o", tmp_path / "network")
    metadata = read_file(tmp_path / "network").metadata

    assert (result.exit_code, metadata["preprocess"]) == (0, SCALING)
    assert "preprocess" not in metadata["source"]["assumed"]
    assert 'assumed: classes "CIFAR-10" (no tensor tells)' in result.stdout


TOML = """
divide_by = 255.0
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
layout = "NHWC"
"""


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0.5 0.5", SCALING),
        ("0.1,0.2,0.3 0.5,0.6,0.7", SCALING | {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}),
        ("0.5 0.5 240", imagenet(240) | SCALING),
        ("{folder}/scaling.toml", SCALING),
    ],
)
def test_a_scaling_is_given_in_a_few_numbers_or_in_a_file(
    run: Callable[..., Result], state_dict: Path, tmp_path: Path, value: str, wanted: Any
) -> None:
    (tmp_path / "scaling.toml").write_text(TOML)
    given = ["--preprocess", value.format(folder=tmp_path)]

    result = run("import", "--from", "seed", *given, state_dict, "-o", tmp_path / "layer")

    assert result.exit_code == 0, result.output
    assert read_file(tmp_path / "layer").metadata["preprocess"] == wanted


@pytest.mark.parametrize(
    ("value", "code"),
    [("cifar", 2), ("0.5 0", 2), ("no.toml", 2), ("", 2), ("[]", 2), ('{"mean": 3}', 1)],
)
def test_preprocessing_that_is_none_is_refused(
    run: Callable[..., Result], state_dict: Path, tmp_path: Path, value: str, code: int
) -> None:
    arguments = ["--from", "seed", "--preprocess", value, state_dict, "-o", tmp_path / "layer"]

    assert run("import", *arguments).exit_code == code
