"""Test vectors for programs in any language: inputs, right outputs and their tolerances.

A folder with `manifest.json` (its JSON Schema beside it) and two safetensors files a case:
`inputs` with `input`, `weight.NAME` and, of a training step, `output_cotangent`; `wanted` with
`value.NAME` and `allowed.NAME` in float64. A program writes `TIER/CASE.safetensors` with an array
for every NAME, and `check` judges those by the rules of the suite.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.case import Case
from conformance.cases.model import complete, in_form, make_model, step_inputs
from conformance.cases.tensors import Tensors
from conformance.judging.stages import Reference, judge_arrays
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.manifest import JSON_SCHEMA, MANIFEST, SCHEMA, VERSION, Vector, read_manifest
from conformance.tiers import VECTOR_TIERS, OracleTier, TrainingTier, make_tiers
from weights import FormatError
from weights.files.storage import read_safetensors, write_safetensors
from weights.text import brief

OUTSIDE = "outside"


def export(folder: Path, tiers: tuple[str, ...] = VECTOR_TIERS) -> int:
    """Write the vectors of these tiers into a folder; returns how many there are."""
    vectors = []
    for tier in make_tiers(names=tiers):
        if isinstance(tier, OracleTier):
            (folder / tier.name).mkdir(parents=True, exist_ok=True)
            vectors += [_write_case(folder, tier, case) for case in tier.cases()]
    manifest = {"format_version": VERSION, "cases": [asdict(vector) for vector in vectors]}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    (folder / SCHEMA).write_text(json.dumps(JSON_SCHEMA, indent=1) + "\n", encoding="utf-8")
    return len(vectors)


def check(folder: Path, outputs: Path) -> Iterator[Verdict]:
    """Judge what a program wrote into `outputs`; a case that it did not write is skipped."""
    for vector in read_manifest(folder):
        outcome = _judge(folder, outputs / vector.tier / f"{vector.id}.safetensors", vector)
        yield Verdict.of(outcome, vector.id, vector.tier, OUTSIDE)


def _judge(folder: Path, path: Path, vector: Vector) -> Outcome:
    if not path.exists():
        return Outcome.skipped("not written")
    try:
        got, _ = read_safetensors(path)
    except FormatError as error:
        return Outcome(Status.ERROR, message=str(error))
    wanted, _ = read_safetensors(folder / vector.wanted)
    missing = [f"{kind}.{name}" for name in vector.outputs for kind in ("value", "allowed")
               if f"{kind}.{name}" not in wanted]  # fmt: skip
    if missing:
        raise FormatError(f"{folder / vector.wanted} lacks {brief(missing[0])}")
    values, allowed = (
        {name: wanted[f"{kind}.{name}"] for name in vector.outputs} for kind in ("value", "allowed")
    )
    return judge_arrays(got, Reference(values, allowed))


def _write_case(folder: Path, tier: OracleTier, case: Case) -> Vector:
    reference = tier.reference(case)
    config, inputs = _inputs(case)
    wanted = {f"value.{name}": array for name, array in reference.values.items()}
    for name, allowed in reference.allowed.items():
        wanted[f"allowed.{name}"] = np.asarray(allowed, np.float64)
    vector = Vector(
        case.id, case.tier, case.architecture, config, case.input_shape,
        f"{case.tier}/{case.id}.inputs.safetensors", f"{case.tier}/{case.id}.wanted.safetensors",
        tuple(reference.values),
    )  # fmt: skip
    for file, arrays in ((vector.inputs, inputs), (vector.wanted, wanted)):
        about = {"about": f"{case.tier} {case.id}"}
        write_safetensors(folder / file, arrays, about, overwrite=True)
    return vector


def _inputs(case: Case) -> tuple[dict[str, Any], Tensors]:
    """The configuration and the arrays from which a program computes its outputs."""
    model, x = make_model(case)
    arrays = {"input": x}
    if case.tier == TrainingTier.name:
        _, _, arrays["output_cotangent"] = step_inputs(case)
    model = in_form(model, case.form)
    weights = {f"weight.{name}": array for name, array in model.weights.items()}
    return dict(complete(model).config), arrays | weights
