"""Every module of this project that a larger network holds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from weights.checks import choice
from weights.errors import GhostError, ImportRefused
from weights.files.modules import FileModule, write_modules
from weights.files.storage import PathLike
from weights.importers.converting import import_checkpoint, import_part
from weights.importers.importer import Arguments, Imported, Importer
from weights.importers.maps import NameMap
from weights.importers.names import above, is_inside, places
from weights.importers.registry import IMPORTERS

# Networks have fewer; each is looked for among all names.
MOST_MODULES = 500
Attempt = Callable[..., Imported]


@dataclass(frozen=True)
class Several:
    """The modules of a file by their paths; `left` says of others why they are no modules."""

    importer: str
    found: Mapping[str, Imported] = field(repr=False)
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> dict[str, Any]:
        """The origin of all, as one file records it."""
        assumed = {path: x.source["assumed"] for path, x in self.found.items()}
        return {"importer": self.importer, "assumed": assumed}

    def write(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write all into one file of architecture `custom`."""
        modules = [
            FileModule(p, x.architecture, x.config, x.tensors) for p, x in self.found.items()
        ]
        write_modules(path, modules, overwrite=overwrite, source=self.source)


def import_modules(
    source: PathLike,
    importer: str,
    config: Mapping[str, Any] | None = None,
    *,
    allow_invalid: bool = False,
    entry: str | None = None,
    names: NameMap | None = None,
) -> Several:
    """Convert every module of a larger network, those inside of none that is one itself.

    `config` holds arguments of all of them; `allow_invalid`, `entry` and `names` are as in
    `import_file`. Raises `ImportRefused` where there is none.
    """
    rules, given = IMPORTERS[choice("importer", importer, tuple(IMPORTERS))], dict(config or {})
    rules.refuse(source)
    found: dict[str, Imported] = {}
    left: dict[str, str] = {}
    for path, attempt in _attempts(source, rules, given, entry, names):
        if is_inside(path, found):
            continue
        try:
            found[path] = attempt(allow_invalid=allow_invalid)
        except GhostError as error:
            left[path] = str(error).partition("\n")[0]
    # Of a path that is none, the modules inside are what was meant.
    around = {outer for path in found for outer in above(path)}
    left = {path: why for path, why in left.items() if path not in around}
    if not found:
        raise ImportRefused(f"{source} holds no module that {importer} reads")
    return Several(importer, found, left)


def _attempts(
    source: PathLike, rules: Importer, given: Arguments, entry: str | None, names: NameMap | None
) -> Iterator[tuple[str, Attempt]]:
    """Yield the paths at which modules may be, outer ones first, and how to convert each."""
    if rules.read_parts is not None:
        for part in rules.read_parts(source):
            whole = replace(part, count_dropped=dict)
            yield part.path, partial(import_part, source, rules, whole, None, given)
        return
    checkpoint = rules.read(source, entry)
    checkpoint = checkpoint if names is None else checkpoint.mapped(names)
    paths = places(checkpoint.tensors, rules.starts)
    if len(paths) > MOST_MODULES:
        raise ImportRefused(
            f"{source} has {len(paths)} places where a module may begin, more than {MOST_MODULES}: "
            "take one with --module PATH"
        )
    for path in paths:
        # Nothing is left out of all that there is.
        inner = replace(checkpoint.at(path), dropped=checkpoint.dropped) if path else checkpoint
        yield path, partial(import_checkpoint, inner, rules, None, given)
