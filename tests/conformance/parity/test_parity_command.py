"""`ghost-conformance parity` as a command: exit codes, what it prints, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from conformance.cases.model import plain_weights
from conformance.commands.cli import main
from tests.conformance.parity.networks import record, right, write
from tests.porting_faults import FAULTS
from weights import write_file
from weights.files.storage import write_safetensors
from weights.frameworks import FRAMEWORKS

pytestmark = pytest.mark.slow

FAULTY = "tests.porting_faults:one_depthwise_kernel_transposed"
LAYER = {"c_in": 4, "c_out": 8, "kernel_size": 3}


def invoke(path: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["parity", *map(str, (path, *arguments))], terminal_width=200)


def words(result: Result) -> str:
    return " ".join(result.output.split())


def found(path: Path, *arguments: object) -> dict[str, Any]:
    return json.loads(invoke(path, *arguments, "--json").stdout)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(right("ghost_resnet20"), tmp_path, "network")


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    path = tmp_path / "layer.safetensors"
    write_file(path, "ghost_conv", LAYER, plain_weights("ghost_conv", LAYER))
    return path


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("oracle", 0, "no stage differs"),
        (FAULTY, 1, "first differs at layer2 [given, 32x32]"),
        ("tests.conformance.fakes:TapsNothing", 3, "it gives no stem, only middle"),
        ("tests.conformance.fakes:Fake", 3, "nothing ran: every case was skipped"),
    ],
)
def test_the_exit_code_says_how_it_went(name: str, code: int, text: str, path: Path) -> None:
    result = invoke(path, "--implementation", name)

    assert result.exit_code == code
    assert text in words(result)


def test_a_fault_in_the_loading_is_blamed_on_the_implementation(path: Path) -> None:
    result = invoke(path, "--implementation", FAULTY)

    assert f"{FAULTY} does not compute what the file says, from layer2 on" in words(result)


def test_a_fault_in_the_import_is_blamed_on_the_file(path: Path, tmp_path: Path) -> None:
    wrong = write(FAULTS["blocks_swapped"].inject(right("ghost_resnet20")), tmp_path, "wrong")

    result = invoke(wrong, "--implementation", "oracle", "--reference", path)

    assert result.exit_code == 1
    assert (
        "which is not the reference from layer2 on: look at the import (`ghost-weights diff` "
        in words(result)
    )


def test_the_table_has_the_failing_stages_and_the_last(path: Path) -> None:
    output = invoke(path, "--implementation", "oracle", "--implementation", FAULTY).output

    rows = [line.split("│")[1:3] for line in output.splitlines() if line.count("│") > 3]
    assert [tuple(map(str.strip, row)) for row in rows] == [
        (comparison, stage)
        for comparison in ("given", "randomised")
        for stage in ("layer2", "layer3", "logits")
    ]


def test_verbose_shows_every_stage(path: Path) -> None:
    output = invoke(path, "--implementation", "oracle", "--verbose").output

    for stage in ("stem", "layer1", "layer2", "layer3", "logits"):
        assert output.count(f" {stage} ") == 2


def test_json_names_the_first_differences(path: Path) -> None:
    record = found(path, "--implementation", FAULTY)

    first = [(entry["comparison"], entry["stage"]) for entry in record["first_differences"]]
    assert first == [("given", "layer2"), ("randomised", "layer2")]
    assert all(entry["ratio"] > 100 for entry in record["first_differences"])
    assert record["passed"] is False


def test_json_holds_a_verdict_for_every_stage(path: Path) -> None:
    record = found(path, "--implementation", "oracle")

    stages = [entry["stage"] for entry in record["verdicts"] if entry["comparison"] == "given"]
    assert stages == ["stem", "layer1", "layer2", "layer3", "logits"]
    assert {entry["status"] for entry in record["verdicts"]} == {"pass"}
    assert record["passed"] is True


def test_a_layer_has_one_stage_and_a_size_that_suits_it(layer: Path) -> None:
    record = found(layer, "--implementation", "oracle")

    places = {(entry["input"], entry["stage"]) for entry in record["verdicts"]}
    assert places == {("11x14", "output")}


def test_the_size_is_the_users(path: Path) -> None:
    record = found(path, "--implementation", "oracle", "--size", "9x12")

    assert {entry["input"] for entry in record["verdicts"]} == {"9x12"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--size", "12"], "must be height x width such as 224x224, got '12'"),
        (["--implementation", "nonsense"], "must be one of ghost_torch, ghost_jax, ghost_tf"),
        (["--framework", "mxnet"], "'mxnet' is not one of"),
        (["--reference", "absent.safetensors"], "cannot read absent.safetensors"),
        (["--input", "absent.safetensors"], "cannot read absent.safetensors"),
        (["--input", "a.safetensors", "--size", "9x9"], "has a size of its own"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], text: str, path: Path) -> None:
    result = invoke(path, "--implementation", "oracle", *arguments)

    assert result.exit_code == 2
    assert text in words(result)


def test_an_input_that_the_network_cannot_take_is_wrong_usage(path: Path, tmp_path: Path) -> None:
    given = tmp_path / "input.safetensors"
    write_safetensors(given, {"x": np.zeros((1, 4, 8, 8), np.float32)}, {"about": "x"})

    result = invoke(path, "--implementation", "oracle", "--input", given)

    assert result.exit_code == 2
    assert "in_chans" in words(result)


def test_a_reference_of_another_architecture_is_wrong_usage(path: Path, layer: Path) -> None:
    result = invoke(path, "--implementation", "oracle", "--reference", layer)

    assert result.exit_code == 2
    assert "holds a ghost_conv, and must hold a ghost_resnet20" in words(result)


def test_recorded_outputs_bring_their_own_input(path: Path, tmp_path: Path) -> None:
    recorded = record(right("ghost_resnet20"), tmp_path)

    result = invoke(path, "--implementation", "oracle", "--reference", recorded, "--size", "9x9")

    assert result.exit_code == 2
    assert "has inputs of its own" in words(result)


@pytest.mark.slow
@pytest.mark.parametrize(
    "framework",
    [pytest.param(name, marks=[pytest.mark.matrix] * (name == "tf")) for name in FRAMEWORKS],
)
def test_a_framework_has_parity(framework: str, path: Path) -> None:
    for module in FRAMEWORKS[framework].requires:
        pytest.importorskip(module)

    result = invoke(path, "--framework", framework, "--reference", path)

    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_in_a_process_of_its_own(fault: str, path: Path) -> None:
    record = found(path, "--implementation", f"tests.porting_faults:{fault}")

    assert {entry["comparison"] for entry in record["first_differences"]} == {"given", "randomised"}
    assert len({entry["stage"] for entry in record["first_differences"]}) == 1
