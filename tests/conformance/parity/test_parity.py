"""Fourteen porting faults, in an import and in a loading: parity finds each and names its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conformance.parity.networks import (
    TIMM_CASES,
    InProcess,
    first_stages,
    fresh_resnet,
    parity,
    record,
    right,
    timm_records,
    write,
)
from tests.porting_faults import FAULTS
from tests.reference_files import reference_file
from weights import WeightFile, write_file
from weights.files.storage import write_safetensors
from weights.importers import export_tensors, import_file

# The first stage that each fault changes; in the last column, the first that timm recorded.
STAGES = {
    "weight_and_bias_swapped": ("stem", "stem", "bn1", "blocks.1.0"),
    "mean_and_variance_swapped": ("stem", "stem", "bn1", "blocks.1.0"),
    "weight_and_variance_swapped": ("stem", "stem", "bn1", "blocks.1.0"),
    "bias_and_mean_swapped": ("stem", "stem", "bn1", "blocks.1.0"),
    "statistics_dropped": ("stem", "stem", "bn1", "blocks.1.0"),
    "depthwise_kernels_transposed": ("stem", "stem", "blocks.0.0", "blocks.1.0"),
    "one_depthwise_kernel_transposed": ("layer2", "layer2", "blocks.4.0", "blocks.5.0"),
    "depthwise_kernels_flipped": ("stem", "stem", "blocks.0.0", "blocks.1.0"),
    "blocks_swapped": ("layer2", "layer3", "blocks.6.1", "blocks.7.0"),
    "halves_swapped": ("layer1", "layer1", "blocks.2.0", "blocks.3.0"),
    "rounded_to_bfloat16": ("stem", "stem", "conv_stem", "conv_stem"),
    "one_mean_off": ("layer3", "layer3", "blocks.7.0", "blocks.7.0"),
    "another_eps": ("stem", "stem", "bn1", "blocks.1.0"),
    "head_bias_missing": ("logits", "logits", "conv_head", "logits"),
}
NETWORKS = ("ghost_resnet20", "ghost_resnet56", "ghostnet")
# The size at which a network shows the same in a tenth of the time.
SIZES = {"ghostnet": (33, 47)}

every_network = pytest.mark.parametrize(
    "name",
    [
        "ghost_resnet20",
        pytest.param("ghost_resnet56", marks=pytest.mark.matrix),
        pytest.param("ghostnet", marks=pytest.mark.slow),
    ],
)
every_fault = pytest.mark.parametrize("fault", FAULTS)


def test_there_are_fourteen_faults() -> None:
    assert len(FAULTS) == 14
    assert list(STAGES) == list(FAULTS)


@every_fault
def test_a_fault_keeps_names_and_shapes_but_no_content(fault: str) -> None:
    network = right("ghost_resnet20")
    wrong = FAULTS[fault].inject(network)

    shapes = {name: array.shape for name, array in network.tensors.items()}
    assert {name: array.shape for name, array in wrong.tensors.items()} == shapes
    assert wrong.config != network.config or any(
        not np.array_equal(wrong.tensors[name], network.tensors[name]) for name in shapes
    )


@pytest.mark.slow
@every_network
@every_fault
def test_a_fault_in_the_import_is_named_against_the_right_file(
    fault: str, name: str, tmp_path: Path
) -> None:
    wrong = write(FAULTS[fault].inject(right(name)), tmp_path)
    reference = write(right(name), tmp_path, "right")

    found = first_stages(wrong, InProcess(), reference=reference, size=SIZES.get(name))

    assert found == {"reference": STAGES[fault][NETWORKS.index(name)]}


@pytest.mark.slow
@every_fault
def test_a_fault_in_the_import_is_named_against_recorded_outputs(
    fault: str, tmp_path: Path
) -> None:
    network = right("ghost_resnet20")
    wrong, recorded = write(FAULTS[fault].inject(network), tmp_path), record(network, tmp_path)

    found = first_stages(wrong, InProcess(), reference=recorded)

    assert found == {"reference": STAGES[fault][0]}


@pytest.mark.slow
@every_fault
def test_a_fault_in_the_import_is_named_against_what_timm_recorded(
    fault: str, tmp_path: Path
) -> None:
    wrong = write(FAULTS[fault].inject(right("ghostnet")), tmp_path)

    found = first_stages(wrong, InProcess(), reference=timm_records(tmp_path))

    assert found == {"reference": STAGES[fault][3]}


@pytest.mark.slow
@every_network
@every_fault
def test_a_fault_in_the_loading_is_named_by_both_comparisons(
    fault: str, name: str, tmp_path: Path
) -> None:
    stage = STAGES[fault][NETWORKS.index(name)]

    path = write(right(name), tmp_path)

    found = first_stages(path, InProcess(FAULTS[fault]), size=SIZES.get(name))

    assert found == {"given": stage, "randomised": stage}


@every_network
def test_without_a_fault_nothing_differs(name: str, tmp_path: Path) -> None:
    reference = write(right(name), tmp_path, "right")

    assert first_stages(write(right(name), tmp_path), InProcess(), reference=reference) == {}


def test_recorded_outputs_of_the_right_network_do_not_differ(tmp_path: Path) -> None:
    network = right("ghost_resnet20")
    recorded = record(network, tmp_path)

    assert first_stages(write(network, tmp_path), InProcess(), reference=recorded) == {}


@pytest.mark.slow
def test_every_case_that_timm_recorded_agrees(tmp_path: Path) -> None:
    cases, path = reference_file(TIMM_CASES), write(right("ghostnet"), tmp_path)

    tier, differences = parity(path, InProcess(), reference=cases)

    assert differences == []
    assert [trial.label for trial in tier.experiment.trials if "reference" in trial.wanted] == [
        "1x3x130x98",
        "1x3x224x224",
        "2x3x96x96",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["weight_and_variance_swapped", "bias_and_mean_swapped", "statistics_dropped"]
)
def test_what_a_fresh_network_hides_is_seen_with_random_statistics(
    fault: str, tmp_path: Path
) -> None:
    found = first_stages(write(fresh_resnet(), tmp_path), InProcess(FAULTS[fault]))

    assert found == {"randomised": "stem"}


def test_an_import_through_an_importer_of_its_own_export_does_not_differ(tmp_path: Path) -> None:
    network = right("ghost_resnet20")
    file = WeightFile(network.architecture, network.config, network.tensors, {})
    foreign = tmp_path / "foreign.safetensors"
    write_safetensors(foreign, export_tensors(file, "timm"), {"format": "pt"})
    imported = import_file(foreign, "timm")
    path = tmp_path / "imported.safetensors"
    write_file(path, imported.architecture, imported.config, imported.tensors)

    found = first_stages(path, InProcess(), reference=write(network, tmp_path, "right"))

    assert found == {}


def test_a_file_that_is_fresh_is_said_to_be_blind(tmp_path: Path) -> None:
    tier, _ = parity(write(fresh_resnet(), tmp_path), InProcess())

    (note,) = tier.notes()
    assert note.startswith("57 of 57 batch normalisations of ")
    assert "are as freshly made, first conv1.primary_conv.1: weight and variance" in note


def test_a_network_of_nan_compares_nothing_and_says_so(tmp_path: Path) -> None:
    wrong = FAULTS["mean_and_variance_swapped"].inject(right("ghost_resnet20"))

    tier, _ = parity(write(wrong, tmp_path), InProcess())

    end = "has no finite number in the oracle: from there on nothing is compared"
    assert tier.notes() == [f"layer1 [given, 32x32] {end}"]
