"""The commands `ghost-weights import` and `ghost-weights export`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from weights.errors import GhostError
from weights.files.file import read_file
from weights.files.writing import is_there, refused
from weights.shown import bounded, printable, shown

# Not read from the registry: the command line starts without importing every importer.
IMPORTER_NAMES = (
    "seed", "timm", "huawei", "ultralytics", "d-li14", "keras", "npz", "flax-msgpack", "orbax",
)  # fmt: skip
EXPORTER_NAMES = (
    "seed", "timm", "huawei", "ultralytics", "keras-h5", "npz", "flax-msgpack", "orbax",
)  # fmt: skip
GATE_NAMES = ("relu6", "clip01", "keras2", "sigmoid")
output_option = click.option(
    "-o", "--output", required=True, type=click.Path(), help="The file to write."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace an existing file.")


def json_object(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, Any]:
    """The value of an option as a JSON object, or a usage error."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        example = json.dumps({"stride": 2, "padding": 1})
        raise click.BadParameter(f"must be a JSON object such as '{example}', got {shown(value)}")
    return parsed


def preprocessing(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, Any]:
    """The value of --preprocess as arguments of `import_file`, or a usage error."""
    if value in ("auto", "none"):
        return {"assume_preprocess": value == "auto"}
    return {"preprocess": json_object(context, parameter, value)}


@click.command("import")
@click.option("--from", "importer", required=True, type=click.Choice(IMPORTER_NAMES))
@click.option("--architecture", help="What SRC holds; the default: what its names tell.")
@click.option(
    "--config", default="{}", callback=json_object, help="Arguments as JSON; they win over SRC."
)
@click.option(
    "--preprocess",
    default="auto",
    callback=preprocessing,
    help="auto: assume that of CIFAR-10 or ImageNet from the number of classes; none; or as JSON.",
)
@click.option("--entry", help="The state dict to take from a file that holds several.")
@click.option(
    "--gate",
    type=click.Choice(GATE_NAMES),
    help="The gate of SRC's squeeze-and-excitation; the default: what the source always has.",
)
@click.argument("source", metavar="SRC", type=click.Path())
@output_option
@overwrite_option
def import_command(
    importer: str, architecture: str | None, config: dict[str, Any], preprocess: dict[str, Any],
    entry: str | None, gate: str | None, source: str, output: str, overwrite: bool,
) -> None:  # fmt: skip
    """Convert SRC (.safetensors, .pt, .pth, .npz, .weights.h5 ...) into an interchange file."""
    from weights.importers import import_file, write

    check_output(output, overwrite)
    silence_tensorflow()
    options: Any = {"entry": entry, "gate": gate} | preprocess
    imported = import_file(source, importer, architecture, config, **options)
    write(imported, output, overwrite=overwrite)
    click.echo(printable(f"{output}: {imported.architecture}, {len(imported.tensors)} tensors"))
    for what in ("entry", "prefix", "gate"):
        if what in imported.source:
            click.echo(f"{what}: {bounded(str(imported.source[what]))}")
    for name, count in imported.source["dropped"].items():
        click.echo(bounded(f"dropped: {count} {name}"))
    for name, value in imported.source["assumed"].items():
        click.echo(f"assumed: {name} {json.dumps(value)} (no tensor tells)")


@click.command("export")
@click.option("--to", "exporter", required=True, type=click.Choice(EXPORTER_NAMES))
@click.argument("file", type=click.Path())
@output_option
@overwrite_option
def export_command(exporter: str, file: str, output: str, overwrite: bool) -> None:
    """Write FILE as another tool reads it. The inverse of import."""
    from weights.importers import export_file

    check_output(output, overwrite)
    silence_tensorflow()
    content = read_file(file)
    export_file(content, exporter, output, overwrite=overwrite)
    click.echo(printable(f"{output}: {len(content.tensors)} tensors"))


def check_output(path: str, overwrite: bool) -> None:
    """Refuse early, and in the words of the command line, to replace a file."""
    try:
        taken = is_there(Path(path))
    except (OSError, ValueError) as error:
        raise refused(Path(path), error) from None
    if taken and not overwrite:
        raise GhostError(f"{path} exists: pass --overwrite to replace it")


def silence_tensorflow() -> None:
    """Set what TensorFlow reads as it is imported, where the user has not."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
