"""From foreign checkpoints to the interchange format and back.

An importer reads the module out of names and shapes, assumes what no tensor tells, and records
both: nothing is converted that could mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weights.architectures import configure
from weights.checks import choice
from weights.errors import ImportRefused
from weights.file import WeightFile, write_file
from weights.importers.checkpoints import Checkpoint, read_checkpoint
from weights.importers.d_li14 import D_LI14
from weights.importers.exporting import refuse_differences
from weights.importers.gates import OWN_GATE, convert_gates
from weights.importers.huawei import HUAWEI
from weights.importers.rules import Importer, Plan
from weights.importers.seed import SEED
from weights.importers.timm import TIMM
from weights.importers.ultralytics import ULTRALYTICS
from weights.loading import check_tensors
from weights.storage import PathLike

__all__ = ["IMPORTERS", "Imported", "export_tensors", "import_file", "write"]

IMPORTERS: Mapping[str, Importer] = {
    importer.name: importer for importer in (SEED, TIMM, HUAWEI, ULTRALYTICS, D_LI14)
}


@dataclass(frozen=True)
class Imported:
    """A converted checkpoint: canonical names and layouts, ready to be written.

    `source` records what was read, dropped and assumed.
    """

    architecture: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(repr=False)
    source: dict[str, Any]
    preprocess: dict[str, Any] | None = None
    classes: tuple[str, ...] | None = None


def import_file(
    source: PathLike,
    importer: str,
    architecture: str | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    assume_preprocess: bool = True,
    entry: str | None = None,
    gate: str | None = None,
) -> Imported:
    """Convert a foreign checkpoint.

    `config` wins over what the shapes tell and what is assumed. With `assume_preprocess` a network
    of 10 classes and 3 channels gets the input scaling and the class names of CIFAR-10, a GhostNet
    of 1,000 classes the preprocessing of ImageNet. `entry` is the state dict to take where a file
    holds several, `gate` that of its squeeze-and-excitation where it is not the importer's usual.

    Raises `ImportRefused` where the checkpoint is no such thing, `MismatchError` with every name
    and shape that is wrong, `FormatError` where the file cannot be read.
    """
    rules = IMPORTERS[choice("importer", importer, tuple(IMPORTERS))]
    if architecture is not None and architecture not in rules.architectures:
        known = ", ".join(rules.architectures)
        raise ImportRefused(f"the importer {rules.name} reads {known}, got {architecture!r}")
    rules.refuse(source)
    checkpoint = read_checkpoint(source, entry)
    plan = rules.plan(checkpoint, architecture, dict(config or {}))
    plan = plan if assume_preprocess else _without_preprocess(plan)
    return _convert(checkpoint, rules, plan, gate or rules.gate)


def write(imported: Imported, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of a converted checkpoint."""
    write_file(
        path,
        imported.architecture,
        imported.config,
        imported.tensors,
        source=imported.source,
        preprocess=imported.preprocess,
        classes=imported.classes,
        overwrite=overwrite,
    )


def export_tensors(file: WeightFile, importer: str) -> dict[str, np.ndarray]:
    """The tensors of an interchange file under the names that `importer` reads.

    Raises `GhostError` where the foreign class cannot compute what the file describes.
    """
    rules = IMPORTERS[choice("importer", importer, tuple(IMPORTERS))]
    refuse_differences(file, rules)
    return {rules.foreign_name(name): array for name, array in file.tensors.items()}


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
