"""Test vectors: written for any language, judged by the rules of the suite."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from conformance import Status
from conformance.commands.cli import main
from conformance.judging.steps import flatten_step
from conformance.manifest import MANIFEST, SCHEMA, read_manifest
from conformance.oracle import adapter
from conformance.tiers import VECTOR_TIERS
from conformance.vectors import check, export
from weights import FormatError
from weights.files.storage import read_safetensors, write_safetensors

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vectors of every tier."""
    folder = tmp_path_factory.mktemp("vectors")
    export(folder)
    return folder


def run_oracle(vector: Any, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of the oracle in float32 for a vector, from its files alone."""
    prefix = "weight."
    weights = {
        name.removeprefix(prefix): array
        for name, array in inputs.items()
        if name.startswith(prefix)
    }
    built = adapter.build(vector.architecture, vector.config, weights)
    with np.errstate(all="ignore"):
        if "output_cotangent" in inputs:
            return flatten_step(built.train_step(inputs["input"], inputs["output_cotangent"]))
        return built.taps(inputs["input"])


def write_outputs(folder: Path, outputs: Path, tiers: tuple[str, ...]) -> None:
    for vector in read_manifest(folder):
        if vector.tier in tiers:
            inputs, _ = read_safetensors(folder / vector.inputs)
            arrays = {
                name: np.ascontiguousarray(array)
                for name, array in run_oracle(vector, inputs).items()
            }
            (outputs / vector.tier).mkdir(parents=True, exist_ok=True)
            path = outputs / vector.tier / f"{vector.id}.safetensors"
            write_safetensors(path, arrays, {"about": "a test"})


@pytest.mark.matrix
def test_the_oracle_in_float32_passes_every_vector(folder: Path, tmp_path: Path) -> None:
    write_outputs(folder, tmp_path, VECTOR_TIERS)

    verdicts = list(check(folder, tmp_path))

    assert {verdict.status for verdict in verdicts} == {Status.PASS}
    assert {verdict.tier for verdict in verdicts} == set(VECTOR_TIERS)


@pytest.mark.slow
def test_the_manifest_keeps_its_schema(folder: Path) -> None:
    schema = json.loads((folder / SCHEMA).read_text())
    manifest = json.loads((folder / MANIFEST).read_text())

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(manifest, schema)
    for change in ({"tier": "weights"}, {"outputs": []}, {"more": 1}, {"input_shape": [0]}):
        wrong = manifest | {"cases": [manifest["cases"][0] | change]}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.slow
def test_a_program_in_javascript_passes(folder: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the program in docs/vectors was not run")
    program = ROOT / "docs" / "vectors" / "ghost_conv.mjs"
    subprocess.run([node, program, folder, tmp_path], check=True, timeout=600)

    found = Counter(verdict.status for verdict in check(folder, tmp_path))

    assert set(found) == {Status.PASS, Status.SKIP}
    assert found[Status.PASS] == sum(
        vector.tier in ("exact", "module", "special") for vector in read_manifest(folder)
    )


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """The vectors of the exact tier, and the right outputs of them."""
    folder, outputs = tmp_path / "vectors", tmp_path / "outputs"
    export(folder, ("exact",))
    write_outputs(folder, outputs, ("exact",))
    return folder, outputs


@pytest.mark.slow
def test_a_wrong_a_damaged_and_a_missing_output_are_told_apart(small: tuple[Path, Path]) -> None:
    folder, outputs = small
    first, second, third, fourth, *_ = read_manifest(folder)
    paths = [outputs / each.tier / f"{each.id}.safetensors" for each in (first, second, third)]
    array = read_safetensors(paths[0])[0]["output"]
    write_safetensors(paths[0], {"output": array + 1}, {"about": "wrong"}, overwrite=True)
    paths[1].write_bytes(b"damaged")
    paths[2].unlink()
    last = outputs / fourth.tier / f"{fourth.id}.safetensors"
    write_safetensors(last, {"result": array}, {"about": "misnamed"}, overwrite=True)

    verdicts = {verdict.case: verdict for verdict in check(folder, outputs)}

    found = [verdicts[each.id].status for each in (first, second, third, fourth)]
    assert found == [Status.FAIL, Status.ERROR, Status.SKIP, Status.SKIP]
    assert verdicts[fourth.id].message == "output: it gives no output, only result"


ENTRY = {
    "id": "a", "tier": "exact", "architecture": "ghost_conv", "config": {}, "input_shape": [1],
    "inputs": "exact/a.inputs.safetensors", "wanted": "exact/a.wanted.safetensors",
    "outputs": ["output"],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": "../../a.safetensors"}, {"wanted": "/etc/a.safetensors"}, {"id": "../a"},
        {"tier": "weights"}, {"id": "\x1b[31m"}, {"outputs": [7]},
    ],
)  # fmt: skip
def test_a_manifest_names_no_file_outside_its_folder(
    change: dict[str, Any], tmp_path: Path
) -> None:
    def write(entry: dict[str, Any]) -> None:
        document = {"format_version": "1.0", "cases": [entry]}
        (tmp_path / MANIFEST).write_text(json.dumps(document))

    write(ENTRY)
    assert len(read_manifest(tmp_path)) == 1
    write(ENTRY | change)
    with pytest.raises(FormatError, match="is no manifest of test vectors"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": "1.0", "cases": [{}]}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)

    with pytest.raises(FormatError, match="is no manifest of test vectors"):
        read_manifest(tmp_path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"format_version": "2.0", "cases": []}')

    with pytest.raises(FormatError, match=r"has version 2\.0, this package reads 1\.0"):
        read_manifest(tmp_path)


@pytest.mark.slow
def test_less_than_half_of_a_tier_is_not_green(small: tuple[Path, Path]) -> None:
    folder, outputs = small
    kept, *others = sorted((outputs / "exact").iterdir())
    for path in others:
        path.unlink()
    command = ["vectors", "check", str(folder), "--outputs", str(outputs)]

    few = CliRunner().invoke(main, command)
    none = CliRunner().invoke(main, [*command, "--tier", "module"])
    kept.write_bytes(b"damaged")
    bad = CliRunner().invoke(main, command)

    assert (few.exit_code, none.exit_code, bad.exit_code) == (3, 2, 1)
    last = f"not green: outside judged by 1 of {len(others) + 1} cases of tier exact"
    assert few.output.splitlines()[-1] == last
    assert "has no vectors of module" in none.output
    assert "ghost-conformance run" not in bad.output


@pytest.mark.slow
def test_the_command_line_ends_as_the_outputs_deserve(small: tuple[Path, Path]) -> None:
    folder, outputs = small

    def run(where: Path) -> int:
        command = [sys.executable, "-m", "conformance", "vectors", "check", str(folder)]
        command += ["--outputs", str(where)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode

    right = run(outputs)
    nothing = run(folder / "absent")
    path = next((outputs / "exact").iterdir())
    path.write_bytes(b"damaged")

    assert (right, nothing, run(outputs)) == (0, 3, 1)
