"""Every architecture by every target: exported and proved, or refused with its reason.

`python -m tests.deployment.matrix` prints the table, with `--write` it goes into
`docs/deployment.md`; `--only torch:onnx` makes a column, in which a process of its own judges.
`--journal FILE` keeps each cell as it comes, and does not judge those again that are in it.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from weights.deployment.targets import TARGETS
from weights.errors import GhostError
from weights.frameworks import FRAMEWORKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deployment.md"
BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"
# Where an artefact lay, which is another place in every run.
PLACES = re.compile(r"^/\S+: ")
# Seconds for one architecture.
PATIENCE = 600
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "ghost_conv": {"c_in": 3, "c_out": 7, "kernel_size": 3, "padding": 1},
    "ghost_conv_v2": {"c_in": 3, "c_out": 8},
    "ghost_conv_v3": {"c_in": 3, "c_out": 8, "kernel_size": 3},
    "squeeze_excite": {"channels": 4, "se_ratio": 0.5},
    "ghost_bottleneck": {"c_in": 3, "c_mid": 8, "c_out": 6, "stride": 2, "se_ratio": 0.25},
    "rep_ghost_conv": {"c_in": 3, "c_out": 8},
    "rep_ghost_bottleneck": {"c_in": 3, "c_mid": 8, "c_out": 6, "stride": 2},
    "c3_ghost": {"c1": 3, "c2": 8},
    "ghostnet": {"width": 0.1, "num_classes": 4},
    "ghostnetv2": {"width": 0.1, "num_classes": 4},
    "ghostnetv3": {"width": 0.1, "num_classes": 4},
    "repghostnet": {"width": 0.1, "num_classes": 4},
    "ghost_resnet20": {},
    "ghost_resnet56": {},
    "ghost_vgg16": {"ratio": 8},
}


def columns() -> list[str]:
    """Every framework and target that it writes, as `torch:onnx`."""
    return [f"{name}:{target.name}" for target in TARGETS.values() for name in target.columns]


def module_of(framework: str, architecture: str) -> Any:
    """The module with the weights that PyTorch draws, whichever framework it is of."""
    import torch

    from ghost_torch.weights_io import FRAMEWORK

    torch.manual_seed(0)
    kind: Callable[..., Any] = FRAMEWORK.architectures[architecture]
    drawn = kind(**ARCHITECTURES[architecture])
    column = FRAMEWORKS[framework].load("weights_io").FRAMEWORK
    return column.build(architecture, drawn.config, FRAMEWORK.state(drawn))


def cell(framework: str, to: str, architecture: str) -> str:
    """The worst ratio of error to what is allowed, or why it was refused.

    The form is the default one; the suite's modes run the other, case by case.
    """
    exporter = FRAMEWORKS[framework].load("exporting.export").EXPORTER
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"artefact{TARGETS[to].suffix}")
        exported = exporter.export(module_of(framework, architecture), path, to=to)
    return f"{exported.proof.worst.ratio:.2f}"


def judged(framework: str, to: str, architecture: str) -> str:
    try:
        return cell(framework, to, architecture)
    except GhostError as error:
        return f"refused: {PLACES.sub('', str(error).splitlines()[0])}"
    except Exception as error:  # a converter may raise whatever it likes
        lines = str(error).strip().splitlines() or [""]
        return f"failed: {type(error).__name__}: {lines[0][:200]}"


def child(column: str, architectures: Sequence[str]) -> None:
    """Print a line for each cell of a column, as it comes; end where one takes too long."""
    framework, _, to = column.partition(":")
    for architecture in architectures:
        signal.alarm(PATIENCE)
        print(json.dumps([architecture, judged(framework, to, architecture)]), flush=True)


def journalled(column: str, journal: Path | None) -> dict[str, str]:
    """The cells of a column, of which those come from a journal that it has."""
    lines = journal.read_text().splitlines() if journal and journal.exists() else []
    found = {name: value for where, name, value in map(json.loads, lines) if where == column}
    for name, value in cells(column, [each for each in ARCHITECTURES if each not in found]):
        line = json.dumps([column, name, value])
        print(line, file=sys.stderr, flush=True)
        if journal:
            with journal.open("a") as file:
                file.write(f"{line}\n")
        found[name] = value
    return found


def cells(column: str, architectures: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The cells of a column, from processes of their own: a runtime may end one."""
    left = list(architectures)
    while left:
        command = [sys.executable, "-m", "tests.deployment.matrix", "--child", column, *left]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if line.startswith(f'["{left[0]}"'):
                    yield left.pop(0), json.loads(line)[1]
        if left:
            ended = process.returncode
            slow = f"it takes more than {PATIENCE} seconds"
            reason = slow if ended == -signal.SIGALRM else f"its process ended with {ended}"
            yield left.pop(0), f"failed: {reason}"


def table(found: dict[str, dict[str, str]]) -> str:
    """The table, and below it why cells are empty."""
    reasons: list[str] = []
    heads = list(found)
    lines = ["| architecture | " + " | ".join(f"`{head}`" for head in heads) + " |"]
    lines.append("| --- |" + " --- |" * len(heads))
    for architecture in ARCHITECTURES:
        shown = []
        for head in heads:
            value = found[head].get(architecture, "failed: not run")
            if value[0].isdigit():
                shown.append(value)
                continue
            if value not in reasons:
                reasons.append(value)
            shown.append(f"({reasons.index(value) + 1})")
        lines.append(f"| `{architecture}` | " + " | ".join(shown) + " |")
    notes = [f"{index}. {reason}" for index, reason in enumerate(reasons, start=1)]
    return "\n".join([*lines, "", *notes]).strip()


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", nargs="+")
    parser.add_argument("--only", nargs="*", default=columns())
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.child[1:])
        return
    text = table({column: journalled(column, options.journal) for column in options.only})
    print(text)
    if options.write:
        page = PAGE.read_text()
        before, rest = page.split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
