"""The command `ghost-weights import`."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from weights.commands.options import (
    check_output,
    overwrite_option,
    parse_object,
    parse_settings,
)
from weights.errors import GhostError
from weights.importers import (
    CONTAINERS,
    IMPORTERS,
    import_file,
    preview,
    write,
)
from weights.importers.gates import GATES, IRREVERSIBLE
from weights.importers.maps import NameMap
from weights.importers.several import Several, import_modules
from weights.text import bounded, printable

EVERY = "*"


def preprocessing(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, Any]:
    """Read --preprocess as arguments of `import_file`, or raise a usage error."""
    if value in ("auto", "none"):
        return {"assume_preprocess": value == "auto"}
    return {"preprocess": parse_settings(context, parameter, value)}


@click.command("import")
@click.option("--from", "importer", required=True, type=click.Choice([*IMPORTERS, *CONTAINERS]))
@click.option("--architecture", help="The module in SRC; by default the one that its names tell.")
@click.option(
    "--config", default="{}", callback=parse_object, help="Arguments as JSON; they win over SRC."
)
@click.option(
    "--preprocess",
    default="auto",
    callback=preprocessing,
    help="auto: assume that of CIFAR-10 or ImageNet from the number of classes; none; mean and "
    "std, and perhaps a size, such as '0.5 0.5'; a .toml file; or JSON.",
)
@click.option("--entry", help="The state dict to take from a file that holds several.")
@click.option(
    "--module",
    help="The path of one module in a larger network; '*' takes all, into one file of architecture "
    "`custom`, or into a file each where -o ends with a slash.",
)
@click.option(
    "--map",
    "map_file",
    metavar="FILE.toml",
    type=click.Path(),
    help="Rules from the names in SRC to those that the importer knows.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print every name and what it would be, and write nothing."
)
@click.option(
    "--gate",
    type=click.Choice([*GATES, *IRREVERSIBLE]),
    help="The gate of SRC's squeeze-and-excitation; by default that of the tool it is from.",
)
@click.option(
    "--allow-invalid",
    is_flag=True,
    help="Take numbers that are not finite, and negative variances.",
)
@click.argument("source", metavar="SRC", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="The file to write.")
@overwrite_option
def import_command(
    importer: str, architecture: str | None, config: dict[str, Any], preprocess: dict[str, Any],
    entry: str | None, module: str | None, map_file: str | None, dry_run: bool, gate: str | None,
    allow_invalid: bool, source: str, output: str | None, overwrite: bool,
) -> None:  # fmt: skip
    """Convert SRC (.safetensors, .pt, .pth, .npz, .weights.h5 ...) into an interchange file."""
    if output is None and not dry_run:
        raise click.UsageError("Missing option '-o' / '--output'.")
    names = None if map_file is None else NameMap.read(map_file)
    if module == EVERY:
        if architecture or gate or "preprocess" in preprocess:
            raise click.UsageError("--module '*' takes no --architecture, --gate or --preprocess")
        modules = import_modules(
            source, importer, config, allow_invalid=allow_invalid, entry=entry, names=names
        )
        several(modules, None if dry_run else output, overwrite)
        return
    options: Any = {"entry": entry, "gate": gate, "module": module, "names": names} | preprocess
    options["allow_invalid"] = allow_invalid
    if dry_run and importer in IMPORTERS and IMPORTERS[importer].read_parts is None:
        for line in preview(source, importer, entry, module, names):
            click.echo(bounded(line))
    elif output is not None:
        check_output(output, overwrite)
    imported = import_file(source, importer, architecture, config, **options)
    if output is not None and not dry_run:
        write(imported, output, overwrite=overwrite)
    where = "would be" if dry_run else f"{output}:"
    click.echo(printable(f"{where} {imported.architecture}, {len(imported.tensors)} tensors"))
    for line in told(imported.source):
        click.echo(bounded(line))


def several(modules: Several, output: str | None, overwrite: bool) -> None:
    """Write modules into one file or into one each, and say which they are."""
    if output is not None and output.endswith("/"):
        make_folder(output)
        for path, imported in modules.found.items():
            # A name in a file from a stranger leads nowhere else.
            name = re.sub(r"[^\w.-]", "_", path) or "module"
            write(imported, Path(output, f"{name}.safetensors"), overwrite=overwrite)
    elif output is not None:
        check_output(output, overwrite)
        modules.write(output, overwrite=overwrite)
    for path, imported in modules.found.items():
        where = f"{path or 'the whole'}:"
        click.echo(bounded(f"{where} {imported.architecture}, {len(imported.tensors)} tensors"))
    for path, reason in modules.left.items():
        click.echo(bounded(f"left: {path}: {reason}"))
    values = {line: None for imported in modules.found.values() for line in told(imported.source)}
    for line in values:
        if not line.startswith("prefix"):
            click.echo(bounded(line))


def make_folder(path: str) -> None:
    """Make a folder, if it is not there; raises `GhostError` where that is impossible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GhostError(f"cannot make the folder {path}: {error.strerror}") from None


def told(source: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an importer did and assumed, in lines."""
    for what in ("entry", "prefix", "gate", "widened"):
        if what in source:
            yield f"{what}: {source[what]}"
    if "beside" in source:
        yield f"beside it: {', '.join(source['beside'])} (--entry takes another state dict)"
    for name, original in source.get("renamed", {}).items():
        yield f"renamed: {original} to {name}"
    for name, count in source["dropped"].items():
        yield f"dropped: {count} {name}"
    for name, value in source["assumed"].items():
        yield f"assumed: {name} {json.dumps(value)} (no tensor tells)"
