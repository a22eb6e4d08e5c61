"""The notebooks of the documentation, executed: `make notebooks`.

They are kept as Markdown, without output but for blocks of text behind a cell: each must be what
that cell prints. `--write` puts there what it prints now. Pictures are drawn anew by every run.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from difflib import unified_diff
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
TIMEOUT = 300
# A cell, and the block of text that may stand behind it.
CELL = re.compile(r"(```python\n.*?^```\n)(\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def execute(path: Path) -> list[str]:
    """What each cell of a page prints."""
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(path, fmt="md")
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": path.parent}},
    )
    client.execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(each.text for each in cell.outputs if is_printed(each)) for cell in cells]


def is_printed(output: dict) -> bool:
    """Whether it went to standard output: what frameworks log is none of the page's."""
    return output["output_type"] == "stream" and output["name"] == "stdout"


def as_printed(text: str, printed: list[str]) -> str:
    """The page with what its cells print."""
    outputs = iter(printed)

    def cell(match: re.Match[str]) -> str:
        output = next(outputs)
        return match[1] + (f"\n```text\n{output}```\n" if output else "")

    return CELL.sub(cell, text)


def main() -> int:
    """Execute every page; 1 where one prints something else than it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write what the cells print")
    parser.add_argument("names", nargs="*", help="only these pages")
    options = parser.parse_args()
    # Commands in the pages are those of the environment whose Python runs this.
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ.update(
        PATH=programs, KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", COLUMNS="100"
    )
    wrong = []
    for path in sorted(FOLDER.glob("*.md")):
        if path.stem not in (options.names or [path.stem]):
            continue
        text = path.read_text()
        executed = as_printed(text, execute(path))
        if options.write:
            path.write_text(executed)
        elif executed != text:
            wrong.append(path.name)
            print(*unified_diff(text.split("\n"), executed.split("\n"), n=0, lineterm=""), sep="\n")
        print(f"{path.name}: {'prints something else' if path.name in wrong else 'executed'}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
