"""The command line: what it prints of a file, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from weights import Config, read_file, tensor_digest

NAN = {"cheap_conv.1.bias": np.array([0, 1, np.nan, np.inf, 4, 5], np.float32)}
NEGATIVE = {"primary_conv.1.running_var": np.array([1, -0.5, 2], np.float32)}


def test_inspect_prints_the_whole_header_a_line_each(
    run: Callable[..., Result], write_layer: Callable[..., Path]
) -> None:
    path = write_layer("layer.safetensors")
    file = read_file(path)

    result = run("inspect", path)

    assert result.exit_code == 0
    for text in ("ghost_conv", file.metadata["content_sha256"], "config.dw_kernel_size", "[3, 5]"):
        assert text in result.stdout
    for name, array in file.tensors.items():
        (row,) = (line for line in result.stdout.splitlines() if f"{name} " in line)
        assert tensor_digest(array)[:12] in row
        assert " x ".join(map(str, array.shape)) in row


def test_inspect_prints_one_json_document(
    run: Callable[..., Result], write_layer: Callable[..., Path]
) -> None:
    path = write_layer("layer.safetensors")
    document = json.loads(run("inspect", path, "--json").stdout)

    assert document["parameters"] == {"trainable": 135 + 2 * 3 + 54 + 2 * 6, "statistics": 18}
    assert document["config"] == read_file(path).config
    assert document["tensors"]["primary_conv.0.weight"]["shape"] == [3, 3, 3, 5]
    assert document["tensors"]["cheap_conv.0.weight"]["dtype"] == "F32"
    assert document["tensors"]["cheap_conv.1.running_var"]["kind"] == "running_var"
    assert document["producer"]["name"] == "ghostconv"


def test_inspect_refuses_names_that_are_described_but_not_stored(
    run: Callable[..., Result],
    write_layer: Callable[..., Path],
    edit_metadata: Callable[..., None],
) -> None:
    path = write_layer("layer.safetensors")
    edit_metadata(path, lambda metadata: metadata["tensors"].pop("cheap_conv.1.bias"))

    result = run("inspect", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {path}: these tensors are described but not stored, or stored but not described: "
        "cheap_conv.1.bias\n"
    )


def test_inspect_escapes_what_a_terminal_would_obey(
    run: Callable[..., Result],
    write_layer: Callable[..., Path],
    edit_metadata: Callable[..., None],
) -> None:
    path = write_layer("layer.safetensors")
    edit_metadata(path, lambda metadata: metadata.update(architecture="\x1b[2Jx [red]y[/red]"))

    result = run("inspect", path)

    assert "\x1b" not in result.stdout and "[red]y[/red]" in result.stdout


def test_verify_says_that_a_file_is_whole(
    run: Callable[..., Result], write_layer: Callable[..., Path]
) -> None:
    path = write_layer("layer.safetensors")
    digest = read_file(path).metadata["content_sha256"]

    result = run("verify", path)

    assert result.exit_code == 0
    assert result.stdout == f"{path}: whole (ghost_conv, 10 tensors, content sha256 {digest})\n"


def test_verify_names_the_damaged_tensor(
    run: Callable[..., Result], write_layer: Callable[..., Path]
) -> None:
    path = write_layer("layer.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    result = run("verify", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {path}: damaged tensors (SHA-256 differs): ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("tensors", "line"),
    [
        (
            NAN,
            "tensor 'cheap_conv.1.bias' has nan at [2], which is not finite (2 such in 6 values)",
        ),
        (
            NEGATIVE,
            "tensor 'primary_conv.1.running_var' has -0.5 at [1], which is a negative variance "
            "(1 such in 3 values)",
        ),
    ],
)
def test_verify_names_numbers_that_no_training_gives(
    run: Callable[..., Result],
    write_layer: Callable[..., Path],
    tensors: dict[str, np.ndarray],
    line: str,
) -> None:
    path = write_layer("layer.safetensors", tensors)

    result = run("verify", path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {path}: whole, but no trained module has such numbers:\n  - {line}\n"
    )


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_missing_file_is_one_message(
    run: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    result = run(command, tmp_path / "absent")

    assert result.exit_code == 1
    assert result.stderr == f"Error: cannot read {tmp_path / 'absent'}: No such file or directory\n"


def test_diff_of_equal_files_has_exit_code_0(
    run: Callable[..., Result], write_layer: Callable[..., Path]
) -> None:
    result = run("diff", write_layer("a"), write_layer("b"))

    assert (result.exit_code, result.stdout) == (0, "10 of 10 tensors are equal\n")


def test_diff_says_what_a_difference_looks_like(
    run: Callable[..., Result],
    write_layer: Callable[..., Path],
    layer: Config,
    random_tensors: Callable[..., Any],
) -> None:
    name = "cheap_conv.0.weight"
    turned = random_tensors(layer)[name].swapaxes(2, 3)
    a, b = write_layer("a"), write_layer("b", {name: turned}, bn_eps=1e-3)

    result = run("diff", a, b)

    assert result.exit_code == 1
    assert "`bn_eps` is 1e-05 in A and 0.001 in B\n" in result.stdout
    (row,) = (line for line in result.stdout.splitlines() if name in line)
    assert "kernel transposed" in row
    assert result.stdout.endswith("9 of 10 tensors are equal\n")


def test_diff_prints_one_json_document_even_of_nan(
    run: Callable[..., Result], write_layer: Callable[..., Path]
) -> None:
    result = run("diff", write_layer("a"), write_layer("b", NAN), "--json")
    document = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))

    assert (result.exit_code, document["equal"]) == (1, False)
    assert document["tensors"]["cheap_conv.1.bias"] == {
        "looks_like": "",
        "maximum": "nan",
        "index": [2],
    }
    assert document["tensors"]["cheap_conv.1.weight"]["looks_like"] == "equal"
