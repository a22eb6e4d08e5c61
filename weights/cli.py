"""`ghost-weights`: look at, check, compare, import and export weight files.

Exit codes: 0 fine, 1 the file is bad or the files differ, 2 wrong usage.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from weights.errors import FormatError, GhostError
from weights.file import read_file

IMPORTER_NAMES = ("seed", "timm", "huawei", "ultralytics", "d-li14")
EXPORTER_NAMES = ("seed", "timm", "huawei", "ultralytics")
GATE_NAMES = ("relu6", "clip01", "keras2", "sigmoid")
file_argument = click.argument("file", type=click.Path())
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
output_option = click.option(
    "-o", "--output", required=True, type=click.Path(), help="The file to write."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace an existing file.")


class Commands(click.Group):
    """A group whose commands end with one message and exit code 1 on a `GhostError`."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(context)
        except GhostError as error:
            raise click.ClickException(str(error)) from None


def json_object(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, Any]:
    """The value of an option as a JSON object, or a usage error."""
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        example = json.dumps({"stride": 2, "padding": 1})
        raise click.BadParameter(f"must be a JSON object such as '{example}', got {value!r}")
    return parsed


def image_size(value: str | None) -> tuple[int, int] | None:
    """The value of --size as (height, width), or a usage error."""
    if value is None:
        return None
    height, _, width = value.partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise click.BadParameter(f"--size must be height x width such as 224x224, got {value!r}")
    return int(height), int(width)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look at, check, compare, import and export weight files."""


@main.command()
@file_argument
@json_option
def inspect(file: str, as_json: bool) -> None:
    """Describe FILE from its header; digests are not checked."""
    from weights.inspection import describe
    from weights.tables import print_description

    document = describe(file)
    if as_json:
        click.echo(json.dumps(document, indent=2, sort_keys=True))
    else:
        print_description(file, document)


@main.command()
@click.argument("architecture")
@click.option("--config", default="{}", callback=json_object, help="Arguments as JSON.")
@click.option("--size", help="Height x width of the image, as 224x224; the default: the usual one.")
@json_option
def summary(architecture: str, config: dict[str, Any], size: str | None, as_json: bool) -> None:
    """Count what ARCHITECTURE, or a variant such as ghostnet_100, has and does."""
    from dataclasses import asdict

    from weights.summary import summarise
    from weights.tables import print_summary

    counts = summarise(architecture, config, image_size(size))
    if as_json:
        click.echo(json.dumps(asdict(counts), indent=2))
    else:
        print_summary(counts)


@main.command()
@file_argument
def verify(file: str) -> None:
    """Read all of FILE and check names, shapes, digests and numbers."""
    from weights.inspection import value_problems

    content = read_file(file)
    problems = list(value_problems(content))
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise FormatError(f"{file}: whole, but no trained module has such numbers:{lines}")
    digest = content.metadata["content_sha256"]
    count = len(content.tensors)
    click.echo(f"{file}: whole ({content.architecture}, {count} tensors, content sha256 {digest})")


@main.command("import")
@click.option("--from", "importer", required=True, type=click.Choice(IMPORTER_NAMES))
@click.option("--architecture", help="What SRC holds; the default: what its names tell.")
@click.option(
    "--config", default="{}", callback=json_object, help="Arguments as JSON; they win over SRC."
)
@click.option(
    "--preprocess",
    type=click.Choice(["auto", "none"]),
    default="auto",
    help="Whether to assume the preprocessing of CIFAR-10 or ImageNet from the number of classes.",
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
    importer: str, architecture: str | None, config: dict[str, Any], preprocess: str,
    entry: str | None, gate: str | None, source: str, output: str, overwrite: bool,
) -> None:  # fmt: skip
    """Convert SRC (.safetensors, .pt, .pth, .npz ...) into an interchange file."""
    from weights.importers import import_file, write

    check_output(output, overwrite)
    assume = preprocess == "auto"
    options: Any = {"assume_preprocess": assume, "entry": entry, "gate": gate}
    imported = import_file(source, importer, architecture, config, **options)
    write(imported, output, overwrite=overwrite)
    click.echo(f"{output}: {imported.architecture}, {len(imported.tensors)} tensors")
    for what in ("entry", "prefix", "gate"):
        if what in imported.source:
            click.echo(f"{what}: {imported.source[what]}")
    for name, count in imported.source["dropped"].items():
        click.echo(f"dropped: {count} {name}")
    for name, value in imported.source["assumed"].items():
        click.echo(f"assumed: {name} {json.dumps(value)} (no tensor tells)")


@main.command()
@click.option("--to", "importer", required=True, type=click.Choice(EXPORTER_NAMES))
@file_argument
@output_option
@overwrite_option
def export(importer: str, file: str, output: str, overwrite: bool) -> None:
    """Write FILE as a plain state dict. The inverse of import."""
    from weights.importers import export_tensors
    from weights.storage import write_safetensors

    check_output(output, overwrite)
    content = read_file(file)
    tensors = export_tensors(content, importer)
    # Other tools refuse a file that does not say whose layout it has.
    write_safetensors(output, tensors, {"format": "pt"}, overwrite=overwrite)
    click.echo(f"{output}: {len(tensors)} tensors")
    click.echo(f"not in a state dict: the configuration {json.dumps(content.config)}")


@main.command()
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@json_option
@click.pass_context
def diff(context: click.Context, a: str, b: str, as_json: bool) -> None:
    """Compare A and B, tensor by tensor. Says what a difference looks like."""
    from weights.diff import compare_files
    from weights.tables import difference_document, print_difference

    difference = compare_files(read_file(a), read_file(b))
    if as_json:
        click.echo(json.dumps(difference_document(difference), indent=2))
    else:
        print_difference(f"A = {a}, B = {b}", difference)
    context.exit(0 if difference.equal else 1)


def check_output(path: str, overwrite: bool) -> None:
    """Refuse early, and in the words of the command line, to replace a file."""
    if Path(path).exists() and not overwrite:
        raise GhostError(f"{path} exists: pass --overwrite to replace it")
