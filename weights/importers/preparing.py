"""Which module of a file is meant, under the names that its importer knows."""

from collections.abc import Iterator, Sequence

from weights.errors import ImportRefused
from weights.files.storage import PathLike
from weights.importers.checkpoints import Checkpoint
from weights.importers.importer import Importer, Part
from weights.importers.maps import NameMap
from weights.importers.names import is_inside, places
from weights.importers.registry import IMPORTERS
from weights.text import listed


def prepared(
    checkpoint: Checkpoint, rules: Importer, module: str | None, names: NameMap | None
) -> Checkpoint:
    """Return a checkpoint with the names that an importer knows, as far as names tell."""
    checkpoint = checkpoint if module is None else checkpoint.at(module)
    checkpoint = checkpoint if names is None else checkpoint.mapped(names)
    bare, found = checkpoint.bare(rules.starts), places(checkpoint.tensors, rules.starts)
    if found and not any(rules.starts.match(name) for name in bare.tensors):
        known = set(found)
        outer = [path for path in found if not is_inside(path, known)]
        raise ImportRefused(
            f"{checkpoint.path} holds modules at {listed(outer)}: choose one with --module PATH"
        )
    return bare


def choose_part(source: PathLike, parts: Sequence[Part], module: str | None) -> Part:
    """Return the one module, or the one at a path; raises `ImportRefused` where that is none."""
    found = [part for part in parts if module in (None, part.path)]
    if len(found) == 1:
        return found[0]
    if not parts:
        raise ImportRefused(
            f"{source} holds no module that is recognised in its graph: networks, bottlenecks and "
            "ghost modules are"
        )
    paths = listed(f"{part.path} ({part.architecture})" for part in parts)
    raise ImportRefused(
        f"{source} holds modules at {paths}, and no whole network that is known: choose one with "
        "--module PATH, or all with --module '*'"
    )


def preview(
    source: PathLike, importer: str, entry: str | None, module: str | None, names: NameMap | None
) -> Iterator[str]:
    """Yield every name in a state dict with its shape, and the name that the importer sees."""
    checkpoint = IMPORTERS[importer].read(source, entry)
    checkpoint = checkpoint if module is None else checkpoint.at(module)
    for name, array in checkpoint.tensors.items():
        new = name if names is None else names.apply(name)
        target = "" if new == name else f" -> {new or 'left out'}"
        yield f"{name}{target} {array.shape}"
