"""The command `ghost-weights export`: state dicts of other tools, and artefacts of runtimes."""

from typing import Any

import click

from weights.commands.artefacts import images_of, images_option, most_lost_option
from weights.commands.options import (
    check_output,
    file_argument,
    output_option,
    overwrite_option,
    parse_size,
)
from weights.deployment.notes import FORMS
from weights.deployment.quantising.quantise import Int8
from weights.deployment.targets import DTYPES, DYNAMIC, LAYOUTS, TARGETS
from weights.deployment.verify import installed_exporter
from weights.files.file import read_file, read_metadata
from weights.frameworks import FRAMEWORKS
from weights.importers import EXPORTERS, export_file
from weights.prediction.collections import read_samples
from weights.text import bounded, printable


def parse_open_size(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """Read height and width, or that they are open, or raise a usage error."""
    return DYNAMIC if value == DYNAMIC else parse_size(context, parameter, value)


@click.command("export")
@click.option("--to", required=True, type=click.Choice([*EXPORTERS, *TARGETS]))
@file_argument
@output_option
@overwrite_option
@click.option(
    "--form", type=click.Choice(FORMS), help="By default with batch normalisations folded."
)
@click.option(
    "--size",
    metavar="HxW|dynamic",
    callback=parse_open_size,
    help="Of the input, as 224x224; by default any where the runtime can, else the usual one.",
)
@click.option("--layout", type=click.Choice(LAYOUTS), help="Of input and output.")
@click.option("--dtype", type=click.Choice(DTYPES), help="Of weights and arithmetic.")
@click.option("--verify/--no-verify", default=None, help="Whether to prove what was written.")
@images_option
@click.option("--int8", is_flag=True, help="In 8 bits, judged by what it loses on images.")
@click.option(
    "--calibrate",
    metavar="IMAGES|FILE",
    type=click.Path(),
    help="For --int8: a folder of images, or a .safetensors or .npz file of `images` (N, H, W, C) "
    "and perhaps `labels`, some of which set the ranges; without --images the others judge.",
)
@click.option(
    "--keep-float",
    metavar="N",
    type=click.IntRange(0),
    help="For --int8: leave the N stages that lose most in float; with 0 only rank them.",
)
@most_lost_option
@click.option(
    "--framework",
    type=click.Choice(list(FRAMEWORKS)),
    help="What writes it; by default the first that is installed and can.",
)
def export_command(
    to: str, file: str, output: str, overwrite: bool, images: str | None, framework: str | None,
    int8: bool, calibrate: str | None, keep_float: int | None, most_lost: float,
    **options: Any,
) -> None:  # fmt: skip
    """Write FILE as another tool reads it, the inverse of import, or as a runtime runs it.

    What a runtime runs is read back in that runtime and compared with FILE in float64; it has its
    name only if it passed. With --int8 it has it only if it loses no more than it may.
    """
    check_bits(int8, calibrate, keep_float)
    given = {name: value for name, value in options.items() if value is not None}
    if to in TARGETS:
        check_output(output, overwrite)
        settings = read_metadata(file).get("preprocess")
        given["overwrite"] = overwrite
        if calibrate is not None:
            judged = None if images is None else read_samples(images, settings)
            given["int8"] = Int8(read_samples(calibrate, settings), judged, keep_float, most_lost)
        else:
            given["images"] = images_of(images, settings)
        exporter = installed_exporter(framework, to)
        module = exporter.framework.from_file(file)
        click.echo(bounded(str(exporter.export(module, output, to=to, **given))))
        return
    runtimes = {"images": images, "framework": framework, "int8": int8 or None, **given}
    for name, value in runtimes.items():
        if value is not None:
            raise click.UsageError(f"--{name} is for runtimes, {to} is a state dict")
    check_output(output, overwrite)
    content = read_file(file)
    export_file(content, to, output, overwrite=overwrite)
    click.echo(printable(f"{output}: {len(content.tensors)} tensors"))


def check_bits(int8: bool, calibrate: str | None, keep_float: int | None) -> None:
    """Raise a usage error where --int8 and the options for it are not given together."""
    if int8 and calibrate is None:
        raise click.UsageError("--int8 needs --calibrate: images of the kind that it will see")
    for name, value in {"calibrate": calibrate, "keep-float": keep_float}.items():
        if value is not None and not int8:
            raise click.UsageError(f"--{name} is for --int8")
