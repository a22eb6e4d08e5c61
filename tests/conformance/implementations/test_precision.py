"""Other precisions, by bounds of their own, and exported files: float64, 16 bits, ONNX ..."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from conformance import Status
from conformance.commands.cli import main
from conformance.implementations.local import LocalImplementation
from conformance.implementations.precision import UNIT_ROUNDOFF, Precision, read_precision
from conformance.judging.bounds import summation
from conformance.oracle import adapter
from conformance.reports.report import read_report
from conformance.running.runner import judge
from conformance.tiers import ExactTier, ModuleTier, SpecialTier
from weights import ArgumentError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
# Of each kind (docs/modes.md has them all): those that leave traces in a process.
EXPORTS = [
    "ghost_torch.modes:compiled",
    "ghost_torch.modes:onnx",
    "ghost_jax.modes:stablehlo",
    "ghost_tf.modes:litert",
    "ghost_tf.backends:jax",
]
PRECISIONS = [
    "ghost_torch.modes:float16",
    "ghost_jax.modes:float64",
    "ghost_tf.modes:float16",
]
CASES = ["k3-s2-p1-r2-dw3-c3x16-10x10-n2-normal", "k1-s1-p0-r4-dw5-c8x17-7x7-n2-normal"]


def run(names: list[str], folder: Path, *cases: str) -> dict[str, list[dict]]:
    """The verdicts of some cases of tier module, by implementation."""
    command = [sys.executable, "-m", "conformance", "run", "--tier", "module"]
    command += ["--report", str(folder)]
    command += [part for name in names for part in ("--implementation", name)]
    command += [part for case in cases for part in ("--case", case)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    records = map(json.loads, (folder / "report.jsonl").read_text().splitlines())
    found: dict[str, list[dict]] = {name: [] for name in names}
    for record in records:
        if record["kind"] == "verdict":
            found[record["implementation"]].append(record)
    return found


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(EXPORTS, id="exports", marks=pytest.mark.matrix),
        pytest.param(PRECISIONS, id="precisions", marks=pytest.mark.matrix),
    ],
)
def test_a_mode_in_a_process_of_its_own_is_within_its_bound(
    names: list[str], tmp_path: Path
) -> None:
    found = run(names, tmp_path, *CASES)

    messages = {name: [each["message"] for each in verdicts] for name, verdicts in found.items()}
    assert messages == {name: ["", ""] for name in names}
    assert {each["status"] for verdicts in found.values() for each in verdicts} == {"pass"}


def test_sixteen_bits_are_not_taken_for_thirty_two(tmp_path: Path) -> None:
    import ghost_torch.modes

    coarse = LocalImplementation("coarse", ghost_torch.modes.bfloat16)
    cases = [case for case in ModuleTier().cases() if case.id in CASES]

    found = {judge(ModuleTier(), case, coarse).status for case in cases}

    assert found == {Status.FAIL}


def test_float32_is_not_taken_for_float64() -> None:
    rough = LocalImplementation("rough", adapter.build)
    rough.precision = Precision(2.0**-53)
    cases = [case for case in ModuleTier().cases() if case.id in CASES]

    found = {judge(ModuleTier(), case, rough).status for case in cases}

    assert found == {Status.FAIL}


def test_what_leaves_the_range_of_float16_is_skipped_with_the_reason(tmp_path: Path) -> None:
    case = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-wide"

    name = "ghost_torch.modes:float16"
    (verdict,) = run([name], tmp_path, case)[name]

    assert verdict["status"] == "skip"
    assert verdict["message"] == "its largest number is 65504, and this case goes beyond"


def test_whole_numbers_are_not_asked_of_sixteen_bits() -> None:
    coarse = LocalImplementation("coarse", adapter.build)
    coarse.precision = Precision(2.0**-8)

    verdict = judge(ExactTier(), ExactTier().cases()[0], coarse)

    assert verdict.status is Status.SKIP


def test_few_bits_lose_no_more_for_longer_sums() -> None:
    assert summation(1000, 2.0**-8) < 1.02 * summation(3, 2.0**-8)
    assert summation(1000, UNIT_ROUNDOFF) > 300 * summation(3, UNIT_ROUNDOFF)


@pytest.mark.parametrize("name", ["ghost_torch.modes:bfloat16"])
def test_the_list_of_known_deviations_is_neither_too_long_nor_too_short(
    name: str, tmp_path: Path
) -> None:
    known = ROOT / "docs" / "deviations" / f"{name.replace('.', '-').replace(':', '-')}.toml"
    command = [sys.executable, "-m", "conformance", "run", "--tier", "special"]
    command += ["--implementation", name, "--deviations", f"{name}={known}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    listed, total = known.read_text().count("[[deviation]]"), len(SpecialTier().cases())
    # On some processors oneDNN keeps the channels apart, and these pass.
    right = (f"{total - listed} passed, {listed} known", f"{total} passed")
    assert any(words in done.stdout for words in right), done.stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("coarse", "`unit_roundoff` must be above 0 and at most 2**-8, bfloat16's, got 0.12"),
        ("tiny", "`largest` must be at least 65504, float16's, got 0"),
        ("texted", "`unit_roundoff` must be a number, got a str"),
        ("unknown", "must map function names to numbers called unit_roundoff, largest"),
    ],
)
def test_a_precision_that_would_pass_anything_is_refused(name: str, text: str) -> None:
    arguments = ["--implementation", f"tests.conformance.hostile:{name}", "--tier", "module"]
    result = CliRunner().invoke(main, ["run", *arguments])

    assert result.exit_code == 2
    assert text in " ".join(result.output.split())


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), True, None, 1j, 2.0**-7])
def test_a_unit_roundoff_is_a_small_number(value: Any) -> None:
    with pytest.raises(ArgumentError, match="`unit_roundoff` must be"):
        read_precision({"build": {"unit_roundoff": value}}, "build")


@pytest.mark.parametrize("table", [7, {"build": 0.1}, {"build": {7: 0.1}}])
def test_what_is_no_table_of_precisions_is_refused(table: Any) -> None:
    with pytest.raises(ArgumentError, match="PRECISIONS must map function names to numbers"):
        read_precision(table, "build")


def test_numbers_of_numpy_are_numbers() -> None:
    found = read_precision({"build": {"unit_roundoff": np.float16(2.0**-11)}}, "build")

    assert found == Precision(2.0**-11)


def test_a_precision_stands_beside_the_name(tmp_path: Path) -> None:
    name = "tests.conformance.hostile:sixteen_bits"
    arguments = ["run", "--implementation", name, "--tier", "module", "--case", CASES[1]]
    result = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path)])

    assert result.exit_code == 0
    assert "unit roundoff 2^-8" in result.output
    assert "precision unit roundoff 2^-8" in (tmp_path / "report.html").read_text()


def test_a_tier_that_judged_less_than_half_is_not_green(tmp_path: Path) -> None:
    name = "tests.conformance.hostile:judged_by_few"
    arguments = ["run", "--implementation", name, "--tier", "module"]
    result = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path)])
    last = f"not green: {name} judged by 66 of 306 cases of tier module"

    assert result.exit_code == 3
    assert result.output.splitlines()[-1] == last
    assert "not green" in (tmp_path / "report.html").read_text()
    assert read_report(tmp_path / "report.jsonl").footer["not_green"] == [last[11:]]
