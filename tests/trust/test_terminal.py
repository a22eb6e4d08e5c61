"""Output to a terminal is printable, and a command that cannot write its output says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.columns import tensors_of
from weights import write_file
from weights.commands.cli import main

LAYER = {"c_in": 2, "c_out": 4}
EVIL = "\x1b]0;owned\x07\x1b[31m\u202e"
COMMAND = [sys.executable, "-c", "from weights.commands.cli import main; main()"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / f"evil{EVIL}.safetensors"
    write_file(path, "ghost_conv", LAYER, tensors_of("ghost_conv", **LAYER),
               source={"importer": EVIL}, classes=[EVIL])  # fmt: skip
    return path


@pytest.mark.parametrize("command", [["inspect"], ["inspect", "--json"], ["verify"], ["diff", "x"]])
def test_names_from_a_file_are_printed_without_commands_to_the_terminal(
    command: list[str], path: Path
) -> None:
    other = [str(path)] if command[0] == "diff" else command[1:]
    result = CliRunner().invoke(main, [command[0], str(path), *other])

    assert result.exit_code == 0
    assert result.output.replace("\n", "").isprintable()


def test_names_that_an_import_drops_are_printable(tmp_path: Path) -> None:
    tensors = tensors_of("ghost_conv", **LAYER)
    np.savez(tmp_path / "a.npz", **tensors, **{f"{EVIL}.num_batches_tracked": np.zeros(1)})
    arguments = ["--from", "seed", str(tmp_path / "a.npz"), "-o", str(tmp_path / f"b{EVIL}")]

    result = CliRunner().invoke(main, ["import", *arguments])

    assert "dropped: 1 num_batches_tracked" in result.output
    assert result.output.replace("\n", "").isprintable()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device without room")
@pytest.mark.parametrize(
    "arguments", [["summary", "ghostnet_100"], ["--help"], ["inspect", "FILE"]]
)
def test_output_that_has_no_room_ends_with_a_message(arguments: list[str], path: Path) -> None:
    filled = [str(path) if each == "FILE" else each for each in arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *filled], stdout=full, stderr=subprocess.PIPE, text=True)

    assert done.returncode == 1
    assert done.stderr == "Error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("size", ["²x²", "٣x٣", "1e3x1", "x", "1x", "9999999x1", "-1x1"])
def test_a_size_is_two_whole_numbers(size: str) -> None:
    result = CliRunner().invoke(main, ["summary", "ghostnet_100", "--size", size])

    assert result.exit_code == 2
    assert "must be height x width such as 224x224, got" in result.output


def every_command(path: str) -> dict[str, list[str]]:
    return {
        "inspect": ["inspect", path],
        "verify": ["verify", path],
        "diff": ["diff", path, path],
        "predict": ["predict", path, path],
        "export": ["export", "--to", "npz", path, "-o", f"{path}.npz"],
        **{
            f"import {name}": ["import", "--from", name, f"{path}{suffix}", "-o", "out"]
            for name, suffix in (
                ("seed", ".pth"), ("seed", ".npz"), ("timm", ".safetensors"), ("npz", ".npz"),
                ("keras", ".weights.h5"), ("keras", ".keras"), ("flax-msgpack", ".msgpack"),
                ("orbax", ""),
            )
        },
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["pipe", "long"])
@pytest.mark.parametrize("command", every_command("x"))
def test_every_command_refuses_a_pipe_and_a_name_that_is_too_long(
    command: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = every_command("pipe" if kind == "pipe" else "n" * 256)[command]
    for name in arguments:
        if kind == "pipe" and name.startswith("pipe") and not Path(name).exists():
            os.mkfifo(name)

    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert isinstance(result.exception, SystemExit)
