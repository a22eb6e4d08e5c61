"""`ghost-conformance parity` of users' own networks: exit codes, what it prints and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.commands.cli import main

MODULE = "tests.conformance.parity.own_networks"
TORCH = ("--torch", f"{MODULE}:torch_network")
SIZES = ("--shape", "2x3x16x16", "--flatten", "fc=12x4x4")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["parity", *arguments], terminal_width=200)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "give a FILE, or networks of your own with --torch, --jax or --tf"),
        (TORCH, "give two networks at least, of --torch, --jax, --tf"),
        ((*TORCH, "--tf", "a:b", "--reference", "x"), "--size and --card are for a file of"),
        ((*TORCH, "--tf", "a:b", "--as-built", "x"), "--as-built keeps the weights of the network"),
        ((*TORCH, "--tf", "a:b", "--shape", "3,4"), "must be sizes such as 2x3x32x32, got '3,4'"),
        (
            (*TORCH, "--tf", "a:b", "--rename", "a"),
            "must be two names with = between them, got 'a'",
        ),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments: tuple[str, ...], text: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert text in " ".join(result.output.split())


@pytest.mark.matrix
def test_a_port_to_two_frameworks_agrees_and_a_wrong_one_is_named() -> None:
    right = invoke(
        *TORCH, "--jax", f"{MODULE}:jax_network", "--tf", f"{MODULE}:keras_network", *SIZES
    )
    wrong = invoke(*TORCH, "--tf", f"{MODULE}:activation_network", *SIZES, "--json")

    assert (right.exit_code, wrong.exit_code) == (0, 1), right.output + wrong.output
    assert "jax: every output is torch's" in right.output
    assert "tf: every output is torch's" in right.output
    found = json.loads(wrong.stdout)["networks"]["tf"]
    assert (found["first"], found["input_is_equal"]) == ("act", True)
    assert found["hints"] == ["the activation is silu where torch has relu"]


@pytest.mark.matrix
def test_code_that_raises_is_shown_by_its_place_and_code_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import time\ndef wrong():\n    return 1 / 0\ndef slow():\n    time.sleep(600)\n"
    (tmp_path / "mine.py").write_text(source)
    monkeypatch.chdir(tmp_path)

    wrong = invoke("--torch", "mine:wrong", "--tf", "mine:wrong")
    slow = invoke("--torch", "mine:slow", "--tf", "mine:slow", "--timeout", "1")

    assert (wrong.exit_code, slow.exit_code) == (2, 1)
    assert "torch: mine:wrong: calling it raised ZeroDivisionError" in wrong.output
    assert "mine.py, line 3, in wrong: return 1 / 0" in wrong.output
    assert "conformance" not in wrong.output.partition("ZeroDivisionError")[2]
    assert "a network gave no result: no result within 1 s" in slow.output
