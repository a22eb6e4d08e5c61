"""From a foreign checkpoint to canonical tensors."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from weights.checks import choice
from weights.errors import ImportRefused
from weights.files.digests import dtype_name
from weights.files.loading import check_numbers, check_tensors
from weights.files.settings import Preprocess, check_settings
from weights.files.storage import PathLike
from weights.importers.checkpoints import Arrays, Checkpoint, settle
from weights.importers.containers.importing import import_container
from weights.importers.gates import OWN_GATE, convert_gates
from weights.importers.importer import (
    Arguments,
    Imported,
    Importer,
    Inferred,
    Part,
    Shapes,
    rename,
)
from weights.importers.maps import NameMap
from weights.importers.origin import source_of
from weights.importers.preparing import choose_part, prepared
from weights.importers.registry import CONTAINERS, IMPORTERS
from weights.networks.architectures import Config, configure

# So many missing tensors are reported at most: no configuration may ask for work without end.
MORE_THAN_FOUND = 4096
PREPROCESSING = ("preprocess", "classes")


# The names of the tensors always determine the form; no class of others has the rest.
DETERMINED = ("form", "dw_dilation", "output_stride")


def import_file(
    source: PathLike,
    importer: str,
    architecture: str | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    allow_invalid: bool = False,
    assume_preprocess: bool = True,
    entry: str | None = None,
    gate: str | None = None,
    module: str | None = None,
    names: NameMap | None = None,
    preprocess: Preprocess | None = None,
) -> Imported:
    """Convert a foreign checkpoint.

    Args:
        source: the file, or the folder of an Orbax checkpoint.
        importer: one of `IMPORTERS` or `CONTAINERS`.
        architecture: that of the module; by default the one that the file or its names tell.
        config: arguments of the architecture, which win over those of the file.
        allow_invalid: take numbers that are not finite, and negative variances.
        assume_preprocess: whether a network for CIFAR of 10 classes and 3 channels gets the input
            scaling and class names of CIFAR-10, and a GhostNet of 1,000 classes the preprocessing
            of ImageNet.
        entry: the state dict to take where the file holds several; by default that of averaged
            weights, or else the one with a usual name.
        gate: that of squeeze-and-excitation, where it is not the importer's usual one.
        module: the path of the module to take out of a larger network.
        names: the names that tensors of a state dict get before they are looked at.
        preprocess: the settings of the images, which win over all others.

    Raises `ImportRefused` where the checkpoint is no such thing, `MismatchError` with every name
    and shape that is wrong, `FormatError` where the file cannot be read.
    """
    name = choice("importer", importer, (*IMPORTERS, *CONTAINERS))
    given = dict(config or {})
    if preprocess is not None:
        check_settings(preprocess)
    if name in CONTAINERS:
        _refuse_options(name, entry=entry, gate=gate, module=module, map=names)
        imported = import_container(CONTAINERS[name], source, architecture, given, allow_invalid)
    else:
        rules = IMPORTERS[name]
        rules.check_architecture(architecture, "got")
        rules.refuse(source)
        if rules.read_parts is not None:
            _refuse_options(name, entry=entry, map=names)
            part = choose_part(source, rules.read_parts(source), module)
            imported = import_part(
                source, rules, part, architecture, given, gate, allow_invalid=allow_invalid
            )
        else:
            checkpoint = prepared(rules.read(source, entry), rules, module, names)
            imported = import_checkpoint(
                checkpoint, rules, architecture, given, gate, allow_invalid=allow_invalid
            )
        imported = imported if assume_preprocess else imported.without_assumed(PREPROCESSING)
    return imported if preprocess is None else imported.with_preprocess(preprocess)


def import_checkpoint(
    checkpoint: Checkpoint, rules: Importer, architecture: str | None, given: Arguments,
    gate: str | None = None, *, allow_invalid: bool = False,
) -> Imported:  # fmt: skip
    """Convert the tensors of a state dict, whose names are bare."""
    inferred = _infer(rules, checkpoint, architecture, given)
    return _import_state_dict(checkpoint, rules, inferred, given, gate or rules.gate, allow_invalid)


def import_part(
    source: PathLike, rules: Importer, part: Part, architecture: str | None, given: Arguments,
    gate: str | None = None, *, allow_invalid: bool = False,
) -> Imported:  # fmt: skip
    """Convert a module of a file that is no state dict."""
    if architecture not in (None, part.architecture, part.twin or None):
        raise ImportRefused(f"{source} holds a {part.architecture}, got {architecture}")
    checkpoint = Checkpoint(source, dict(part.tensors), part.count_dropped(), part.path)
    known, name = dict(part.arguments) | given, architecture or part.architecture
    imported = import_checkpoint(
        checkpoint, rules, name, known, gate or part.gate, allow_invalid=allow_invalid
    )
    if not part.twin or architecture:
        return imported
    return imported.with_assumed(architecture=f"{name}; {part.twin} computes the same")


def _refuse_options(name: str, **options: object) -> None:
    """Raise `ImportRefused` for options of state dicts, which no container takes."""
    meaningless = ", ".join(f"`{key}`" for key, value in options.items() if value is not None)
    if meaningless:
        raise ImportRefused(f"the importer {name} takes no {meaningless}: leave it out")


def _infer(
    rules: Importer, checkpoint: Checkpoint, architecture: str | None, given: Arguments
) -> Inferred:
    """Take the module from the description of an exporter of this project, or infer it."""
    if checkpoint.description is None:
        found = {rename(name, rules.inverse): x.shape for name, x in checkpoint.tensors.items()}
        shapes = Shapes(checkpoint.path, found, rules.renames)
        inferred = rules.infer(shapes, architecture, given)
    else:
        whole = settle(checkpoint.path, checkpoint.description, architecture, {})
        inferred = Inferred(whole.architecture, whole.config, {}, whole.preprocess, whole.classes)
    rules.check_architecture(inferred.architecture, f"{checkpoint.path} holds")
    return inferred


def _import_state_dict(
    checkpoint: Checkpoint, rules: Importer, inferred: Inferred, given: Arguments, gate: str,
    allow_invalid: bool,
) -> Imported:  # fmt: skip
    checked = configure(inferred.architecture, inferred.defaults | inferred.arguments | given)
    specs = list(islice(checked.tensors(), len(checkpoint.tensors) + MORE_THAN_FOUND))
    # Checked under the foreign names: a report is about names that stand in the user's file.
    foreign = [spec._replace(name=rules.foreign_name(spec.name)) for spec in specs]
    known = {spec.name for spec in foreign}
    # A name that the module does not have is reported as it stands in the file.
    found = {
        name if name in known else checkpoint.renamed.get(name, name): array
        for name, array in checkpoint.tensors.items()
    }
    for spec in foreign:
        if spec.name in found:
            found[spec.name] = rules.to_canonical(found[spec.name], spec)
    what = f"cannot import {checkpoint.path} as {inferred.architecture}"
    check_tensors(foreign, found, what=what)
    check_numbers(foreign, found, what, allow_invalid=allow_invalid)
    tensors = {spec.name: found[each.name] for spec, each in zip(specs, foreign, strict=True)}
    # An export has the types that its module has.
    tensors, widened = (tensors, "") if checkpoint.description else _of_one_type(tensors)
    # An argument that an export leaves out of its configuration has the default: none is assumed.
    assumed = {} if checkpoint.description else _assumed(inferred, checked, given)
    source = source_of(checkpoint, rules.name, assumed)
    source |= {} if gate == OWN_GATE else {"gate": f"converted from {gate}"}
    source |= {"widened": widened} if widened else {}
    whole = checked.to_dict(), convert_gates(tensors, gate), source
    settings = inferred.preprocess.copy() if inferred.preprocess else None
    return Imported(inferred.architecture, *whole, settings, inferred.classes)


def _assumed(inferred: Inferred, checked: Config, given: Arguments) -> dict[str, Any]:
    """Return every argument that neither the file nor the user gives."""
    known = {*inferred.arguments, *given, *DETERMINED}
    assumed = {name: x for name, x in checked.complete().items() if name not in known}
    return assumed | dict(inferred.assumptions)


def _of_one_type(tensors: Arrays) -> tuple[Arrays, str]:
    """Return tensors of one type that holds all, since a module has one, and what was done."""
    found = {array.dtype for array in tensors.values()}
    if len(found) < 2:
        return tensors, ""
    widest = max(found, key=lambda dtype: dtype.itemsize)
    wide = np.dtype(np.float32) if widest.itemsize == 2 else widest  # two of 16 bits
    names = " and ".join(sorted(dtype_name(dtype) for dtype in found))
    return {n: x.astype(wide) for n, x in tensors.items()}, f"{names} to {dtype_name(wide)}"
