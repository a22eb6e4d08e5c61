"""The runs that a person makes: the default one, and a really trained network on real images."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import Status
from conformance.implementations.registry import OURS
from conformance.reports.report import Report, read_report
from conformance.tiers import DEFAULT_TIERS
from tests.reference_files import reference_file
from weights.files.storage import read_safetensors, write_safetensors

ROOT = Path(__file__).parents[3]

# All that `make conformance` runs but tier family, half of its minutes: tests/seed has those
# networks against what others recorded of them.
SEEN = set(DEFAULT_TIERS) - {"random", "family"}

pytestmark = pytest.mark.slow


def tiers() -> list[str]:
    """The options that choose those tiers."""
    return [part for name in sorted(SEEN) for part in ("--tier", name)]


def run(module: str, *arguments: str | Path) -> str:
    """The output of one of our command lines, which must end well."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tiers_that_passed(report: Report, implementation: str) -> set[str]:
    verdicts = [v for v in report.verdicts if v.implementation == implementation]
    assert {verdict.status for verdict in verdicts} == {Status.PASS}
    return {verdict.tier for verdict in verdicts}


@pytest.mark.matrix
def test_a_run_passes_every_tier_in_all_three_frameworks(tmp_path: Path) -> None:
    output = run("conformance", "run", *tiers(), "--report", tmp_path)
    report = read_report(tmp_path / "report.jsonl")
    assert list(report.header["implementations"]) == list(OURS)
    for name in OURS:
        assert tiers_that_passed(report, name) == SEEN
    accuracies = [line.partition(": ")[2] for line in output.splitlines() if "images right" in line]
    assert len(accuracies) == 4
    assert len(set(accuracies)) == 1
    assert int(accuracies[0].split()[0]) > 0.95 * 450


def test_the_reference_classifies_852_of_1000() -> None:
    tensors, _ = read_safetensors(reference_file("trained/cifar10_test_1000.safetensors"))

    assert int((tensors["logits"].argmax(axis=1) == tensors["labels"]).sum()) == 852


@pytest.mark.matrix
def test_the_trained_network_classifies_every_fifth_image_as_the_reference(tmp_path: Path) -> None:
    checkpoint = reference_file("trained/ghost_resnet56_cifar10.safetensors")
    tensors, _ = read_safetensors(reference_file("trained/cifar10_test_1000.safetensors"))
    fifth = {name: tensors[name][::5] for name in ("images", "labels", "logits")}
    right = int((fifth["logits"].argmax(axis=1) == fifth["labels"]).sum())
    weights, images = tmp_path / "network.safetensors", tmp_path / "images.safetensors"
    write_safetensors(images, {name: fifth[name] for name in ("images", "labels")}, {})
    run("weights", "import", "--from", "timm", "--architecture", "ghost_resnet56", checkpoint,
        "-o", weights)  # fmt: skip

    # One framework: the others see a tenth of the images in tests/seed.
    output = run("conformance", "run", "--implementation", "ghost_torch", "--tier", "network",
                 "--weights", weights, "--images", images, "--report", tmp_path)  # fmt: skip

    report = read_report(tmp_path / "report.jsonl")
    assert tiers_that_passed(report, "ghost_torch") == {"network"}
    assert f"ghost_torch: {right} of 200 images right" in output
