"""From the file of a framework to canonical tensors."""

from dataclasses import replace

from weights.files.loading import check_numbers, check_tensors
from weights.files.storage import PathLike
from weights.importers.checkpoints import settle
from weights.importers.containers.container import Container
from weights.importers.files import check_file_type
from weights.importers.importer import Arguments, Imported
from weights.importers.origin import source_of
from weights.limits import check_demand
from weights.networks.architectures import configure

# So many tensors more than are found a configuration may ask for, to be reported.
SPARE = 32


def import_container(
    container: Container, source: PathLike, architecture: str | None, given: Arguments,
    allow_invalid: bool,
) -> Imported:  # fmt: skip
    """Convert the tensors of a container, for the module that it describes or that is given."""
    if container.file_types:
        check_file_type(source, container.name, container.file_types)
    checkpoint = container.read(source)
    description = settle(source, checkpoint.description, architecture, given)
    checked = configure(description.architecture, description.config)
    description = replace(description, config=checked.to_dict())
    what, arrays = f"cannot import {source} as {description.architecture}", checkpoint.tensors
    check_demand(checked, len(arrays), sum(x.nbytes for x in arrays.values()), what, spare=SPARE)
    specs = list(checked.tensors())
    # Checked under the container's names and shapes: a report is about what stands in the file.
    foreign = container.places(description, specs)
    check_tensors(foreign, arrays, what=what, earlier=checkpoint.problems)
    check_numbers(foreign, arrays, what, allow_invalid=allow_invalid)
    pairs = zip(specs, foreign, strict=True)
    tensors = {spec.name: container.to_canonical(arrays[at.name], spec) for spec, at in pairs}
    whole = {"tensors": tensors, "source": source_of(checkpoint, container.name, {})}
    return Imported(**vars(description) | whole)
