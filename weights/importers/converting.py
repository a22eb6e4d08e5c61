"""From a state dict with foreign names to canonical tensors."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import islice
from typing import Any

from weights.errors import ImportRefused
from weights.files.loading import check_tensors
from weights.files.storage import PathLike
from weights.importers.checkpoints import Checkpoint, read_checkpoint
from weights.importers.description import settle
from weights.importers.gates import OWN_GATE, convert_gates
from weights.importers.imported import Imported
from weights.importers.rules import Arguments, Importer, Plan
from weights.networks.architectures import Config, configure

# So many missing tensors are reported at most: no configuration may ask for work without end.
MORE_THAN_FOUND = 4096
# What the architecture's name, or the names of the tensors, always tell.
IN_NAMES = ("depth", "form", "version")
PREPROCESSING = ("preprocess", "classes")


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
    _check_architecture(rules, architecture, "got")
    rules.refuse(source)
    checkpoint = read_checkpoint(source, entry)
    plan = _described(checkpoint, architecture) or rules.plan(checkpoint, architecture, given)
    _check_architecture(rules, plan.architecture, f"{source} holds")
    plan = plan if assume_preprocess else _without_preprocess(plan)
    return _convert(checkpoint, rules, plan, given, gate or rules.gate)


def _check_architecture(rules: Importer, architecture: str | None, got: str) -> None:
    if architecture is not None and architecture not in rules.architectures:
        known = ", ".join(rules.architectures)
        raise ImportRefused(f"the importer {rules.name} reads {known}, {got} {architecture!r}")


def _described(checkpoint: Checkpoint, architecture: str | None) -> Plan | None:
    """What our own exporter wrote beside the tensors, where it did."""
    if checkpoint.description is None:
        return None
    found = settle(checkpoint.path, checkpoint.description, architecture, {})
    return Plan(found.architecture, found.config, {}, found.preprocess, found.classes)


def _convert(
    checkpoint: Checkpoint, rules: Importer, plan: Plan, given: Arguments, gate: str
) -> Imported:
    checked = configure(plan.architecture, plan.usual | plan.told | given)
    specs = list(islice(checked.tensors(), len(checkpoint.tensors) + MORE_THAN_FOUND))
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
    # What an export leaves out of its configuration has the default: nothing is assumed.
    assumed = {} if checkpoint.description else _assumed(plan, checked, given)
    return Imported(
        plan.architecture,
        checked.to_dict(),
        tensors,
        _source(checkpoint, rules, assumed) | _gate_source(gate),
        dict(plan.preprocess) if plan.preprocess else None,
        plan.classes,
    )


def _without_preprocess(plan: Plan) -> Plan:
    """The plan without what only the number of classes tells."""
    if "preprocess" not in plan.guessed:
        return plan
    guessed = {key: value for key, value in plan.guessed.items() if key not in PREPROCESSING}
    return replace(plan, preprocess=None, classes=None, guessed=guessed)


def _assumed(plan: Plan, checked: Config, given: Arguments) -> dict[str, Any]:
    """Every argument that neither the file nor the user told."""
    values = {each.name: getattr(checked, each.name) for each in fields(checked) if each.init}
    known = {*plan.told, *given, *IN_NAMES}
    said = values | checked.to_dict()
    return {name: value for name, value in said.items() if name not in known} | dict(plan.guessed)


def _source(checkpoint: Checkpoint, rules: Importer, assumed: dict[str, Any]) -> dict[str, Any]:
    """What the file records of its origin: never a path or a time, for the bytes to be the same."""
    source: dict[str, Any] = {
        "importer": rules.name,
        "dropped": checkpoint.dropped,
        "assumed": assumed,
    }
    original = checkpoint.description.source if checkpoint.description else {}
    found = {"prefix": checkpoint.prefix, "entry": checkpoint.entry, "original": original}
    return source | {name: value for name, value in found.items() if value}


def _gate_source(gate: str) -> dict[str, Any]:
    return {} if gate == OWN_GATE else {"gate": f"converted from {gate}"}
