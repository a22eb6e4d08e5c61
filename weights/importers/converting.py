"""From a state dict with foreign names to canonical tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weights.architectures import configure
from weights.errors import ImportRefused
from weights.importers.checkpoints import Checkpoint, read_checkpoint
from weights.importers.gates import OWN_GATE, convert_gates
from weights.importers.imported import Imported
from weights.importers.rules import Arguments, Importer, Plan
from weights.loading import check_tensors
from weights.storage import PathLike


def import_state_dict(
    rules: Importer,
    source: PathLike,
    architecture: str | None,
    given: Arguments,
    assume_preprocess: bool,
    entry: str | None,
    gate: str | None,
) -> Imported:
    """Convert a state dict that follows `rules`; raises `weights.GhostError`."""
    if architecture is not None and architecture not in rules.architectures:
        known = ", ".join(rules.architectures)
        raise ImportRefused(f"the importer {rules.name} reads {known}, got {architecture!r}")
    rules.refuse(source)
    checkpoint = read_checkpoint(source, entry)
    plan = rules.plan(checkpoint, architecture, given)
    plan = plan if assume_preprocess else _without_preprocess(plan)
    return _convert(checkpoint, rules, plan, gate or rules.gate)


def _convert(checkpoint: Checkpoint, rules: Importer, plan: Plan, gate: str) -> Imported:
    checked = configure(plan.architecture, plan.config)
    specs = list(checked.tensors())
    # Checked under the foreign names: a report is about names that stand in the user's file.
    foreign = [replace(spec, name=rules.foreign_name(spec.name)) for spec in specs]
    found = dict(checkpoint.tensors)
    for spec in foreign:
        if spec.name in found:
            found[spec.name] = rules.to_canonical(spec, found[spec.name])
    what = f"cannot import {checkpoint.path} as {plan.architecture}"
    check_tensors(foreign, found, what=what)
    tensors = {spec.name: found[rules.foreign_name(spec.name)] for spec in specs}
    tensors = convert_gates(tensors, gate)
    config = checked.to_dict()
    return Imported(
        plan.architecture,
        config,
        tensors,
        _source(checkpoint, rules, plan, config) | _gate_source(gate),
        dict(plan.preprocess) if plan.preprocess else None,
        plan.classes,
    )


def _source(
    checkpoint: Checkpoint, rules: Importer, plan: Plan, config: Mapping[str, Any]
) -> dict[str, Any]:
    """What the file records of its origin: never a path or a time, for the bytes to be the same."""
    assumed = {name: config.get(name, value) for name, value in plan.assumed.items()}
    source: dict[str, Any] = {
        "importer": rules.name,
        "dropped": checkpoint.dropped,
        "assumed": assumed,
    }
    taken_off = {"prefix": checkpoint.prefix, "entry": checkpoint.entry}
    return source | {name: value for name, value in taken_off.items() if value}


def _gate_source(gate: str) -> dict[str, Any]:
    return {} if gate == OWN_GATE else {"gate": f"converted from {gate}"}


def _without_preprocess(plan: Plan) -> Plan:
    labels = ("preprocess", "classes")
    assumed = {name: value for name, value in plan.assumed.items() if name not in labels}
    return replace(plan, assumed=assumed, preprocess=None, classes=None)
