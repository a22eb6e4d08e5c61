"""The command `ghost-weights template`."""

import click

from weights.commands.options import file_argument
from weights.errors import GhostError
from weights.files.file import read_file
from weights.frameworks import FRAMEWORKS
from weights.modules.configuration import Configuration
from weights.networks.architectures import configure
from weights.networks.custom import CUSTOM, in_order
from weights.networks.skeleton import skeleton
from weights.text import printable


@click.command()
@file_argument
@click.option(
    "--to", "framework", required=True, type=click.Choice([*FRAMEWORKS]), help="In whose words."
)
def template(file: str, framework: str) -> None:
    """Print the skeleton of the network in FILE: a program with its modules at their paths.

    It runs as it stands, and load_weights fills it; how the modules are connected is yours to say.
    """
    known = FRAMEWORKS[framework]
    if known.missing:
        raise GhostError(f"{framework} cannot run here: {known.reason}")
    parts = _parts(file)
    words, own = known.load("ordinary.template").WORDS, known.load("weights_io").ARCHITECTURES
    click.echo(printable(skeleton(parts, words, own)), nl=False)


def _parts(file: str) -> list[tuple[str, str, Configuration]]:
    """Path, kind and configuration of every module, in the order of the network's definition."""
    # All of it: no list of modules is then more work than the tensors that are there.
    content = read_file(file, allow_invalid=True)
    if content.architecture != CUSTOM:
        raise GhostError(
            f"{file} holds a {content.architecture}, which from_file builds: a template is of a "
            "network of your own"
        )
    parts = configure(CUSTOM, content.config).parts()  # type: ignore[attr-defined]
    found = {entry.path: (entry.path, entry.kind, part) for entry, part in parts}
    if "" in found:
        raise GhostError(f"{file} holds one layer, of which there is no path: make it yourself")
    return in_order(found, content.metadata.get("order"))
