"""`ghost-weights`: look at, check, compare, import, export and use weight files.

Exit codes: 0 fine, 1 the file is bad or the files differ, 2 wrong usage.
"""

import contextlib
import os
import sys
from typing import Any

import click

from weights import __version__
from weights.errors import GhostError

NAMES = (
    "diff", "evaluate", "export", "import", "inspect", "predict", "summary", "template", "verify",
)  # fmt: skip


class Commands(click.Group):
    """A group whose commands end with one message and exit code 1 on a `GhostError`.

    Each is imported when it is asked for: none waits for what another one needs.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of all commands."""
        return [*NAMES]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name, if there is one."""
        match name:
            case "diff":
                from weights.commands.diff import diff as command
            case "evaluate":
                from weights.commands.evaluate import evaluate as command
            case "export":
                from weights.commands.export import export_command as command
            case "import":
                from weights.commands.convert import import_command as command
            case "inspect":
                from weights.commands.inspect import inspect as command
            case "predict":
                from weights.commands.predict import predict as command
            case "summary":
                from weights.commands.summary import summary as command
            case "template":
                from weights.commands.template import template as command
            case "verify":
                from weights.commands.verify import verify as command
            case _:
                return None
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(context)
        except GhostError as error:
            raise click.ClickException(str(error)) from None

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run, and end with one message where the output cannot be written either."""
        try:
            try:
                return super().main(*arguments, **options)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()  # the reader has closed the pipe
        except OSError as error:
            _drop_output()
            click.echo(f"Error: cannot write the output: {error.strerror}", err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Discard what is not written yet: Python would try again as it exits."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ghost-weights")
def main() -> None:
    """Look at, check, compare, import, export and use weight files."""
    # Read when TensorFlow is imported; what the user has set is left alone.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
