"""Canonical tensors in the files of NumPy, Keras, Flax and Orbax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weights.errors import FormatError, ImportRefused
from weights.files.loading import check_tensors
from weights.files.storage import PathLike
from weights.importers.containers.container import Arrays, Container, Contents
from weights.importers.description import Description, settle
from weights.importers.files import kind_of
from weights.importers.imported import Imported
from weights.importers.rules import Arguments
from weights.limits import check_demand
from weights.networks.architectures import configure
from weights.tensors import TensorSpec

# Tensors that may be missing before the report no longer names them.
SPARE = 32


def import_container(
    container: Container,
    source: PathLike,
    architecture: str | None,
    given: Arguments,
    options: Mapping[str, Any],
) -> Imported:
    """Read the canonical tensors out of a container; raises `weights.GhostError`.

    `options` are those of a state dict, which no container has.
    """
    meaningless = [name for name, value in options.items() if value is not None]
    if meaningless:
        names = ", ".join(f"`{name}`" for name in meaningless)
        raise ImportRefused(f"the importer {container.name} takes no {names}: leave it out")
    found = kind_of(source) if container.kinds else ""
    if container.kinds and found not in container.kinds:
        raise FormatError(f"{source} is not what --from {container.name} reads: it is {found}")
    contents = container.read(source)
    description = settle(source, contents.description, architecture, given)
    checked = configure(description.architecture, description.config)
    description = replace(description, config=checked.to_dict())
    what = f"cannot import {source} as {description.architecture}"
    count, size = len(contents.arrays), sum(array.nbytes for array in contents.arrays.values())
    check_demand(checked, count, size, what, spare=SPARE)
    specs = list(checked.tensors())
    return Imported(
        description.architecture,
        description.config,
        _canonical(container, contents, description, specs, what),
        _source(container, contents, description),
        description.preprocess,
        description.classes,
    )


def _canonical(
    container: Container,
    contents: Contents,
    description: Description,
    specs: list[TensorSpec],
    what: str,
) -> Arrays:
    places = container.places(description)
    # Checked under the container's names and shapes: a report is about what stands in the file.
    foreign = [
        replace(spec, name=places[spec.name].name, shape=places[spec.name].shape) for spec in specs
    ]
    check_tensors(foreign, contents.arrays, what=what, earlier=contents.problems)
    return {
        spec.name: container.to_canonical(contents.arrays[places[spec.name].name], spec)
        for spec in specs
    }


def _source(container: Container, contents: Contents, description: Description) -> dict[str, Any]:
    source: dict[str, Any] = {
        "importer": container.name,
        "dropped": dict(contents.dropped),
        "assumed": {},
    }
    found = {
        "prefix": contents.prefix,
        "entry": contents.entry,
        "original": description.source,
    }
    return source | {name: value for name, value in found.items() if value}
