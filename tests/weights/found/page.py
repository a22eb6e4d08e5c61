"""The page of checkpoints as they are found: `python -m tests.weights.found.page` writes it."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner

from tests.weights.found.twins import CHECKPOINTS, Checkpoint
from weights.commands.cli import main

PAGE = Path(__file__).parents[3] / "docs" / "checkpoints.md"
HEAD = """# Checkpoints as they are found

What `ghost-weights import --from ...` gives of each: trained files where one is at hand, and twins
of others, which have the layout of what is published and numbers of their own.
`python -m tests.weights.found.page` writes this page, a test holds it.

| checkpoint | `--from` | what comes |
| --- | --- | --- |
"""
LONGEST = 200


def outcome(checkpoint: Checkpoint, folder: Path) -> str:
    """What the command says of it, in a line."""
    path = checkpoint.make(folder)
    arguments = [each.format(folder=folder) for each in checkpoint.arguments]
    target = ["-o", str(folder / "out.safetensors"), "--overwrite"]
    done = CliRunner().invoke(main, ["import", "--from", *arguments, str(path), *target])
    said = done.output.replace(f"{folder}/", "").replace(f"{path.parent}/", "")
    lines = [line.removeprefix("out.safetensors: ") for line in said.splitlines()]
    if done.exit_code:
        return f"refused: {' '.join(lines).removeprefix('Error: ')[:LONGEST].strip()}"
    kept = [line for line in lines if not line.startswith("assumed: ")]
    assumed = [line.split()[1] for line in lines if line.startswith("assumed: ")]
    how = "with a map" if "--map" in arguments else "as found"
    told = "; ".join(kept[:4]) + (f"; and {len(kept) - 4} lines more" if len(kept) > 4 else "")
    told = told if len(told) <= LONGEST else f"{told[:LONGEST]}..."
    return f"imported {how}: {told}" + (f" (assumed: {', '.join(assumed)})" if assumed else "")


def row(checkpoint: Checkpoint, folder: Path) -> str:
    """Its line of the table."""
    asked = shlex.join(checkpoint.arguments).replace("{folder}/", "")
    said = outcome(checkpoint, folder).replace("|", "\\|")
    return f"| {checkpoint.name} | `{asked}` | {said} |"


def write() -> int:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(checkpoint, Path(folder)) for checkpoint in CHECKPOINTS]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(write())
