"""The page about diverging ports shows what its programs and its command print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main

PAGE = Path(__file__).parents[3] / "docs" / "where-a-port-diverges.md"
# What is of a run alone: numbers, and the lines of a table.
NOISE = re.compile(r"[\d.]+(e[+-]?\d+)?|[━-╿]")


def words(text: str) -> list[str]:
    return NOISE.sub(" ", text).split()


@pytest.mark.matrix
def test_the_page_shows_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text()
    network, port = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    wrong, right = re.search(r"`(\S+=True)` is `(\S+)`:", page).groups()  # type: ignore[union-attr]
    transcripts = re.findall(r"```console\n\$ ghost-conformance (.*?)\n(.*?)```", page, re.DOTALL)
    (tmp_path / "torch_net.py").write_text(network)
    monkeypatch.chdir(tmp_path)

    for source, (line, shown) in zip((port, port.replace(wrong, right)), transcripts, strict=True):
        (tmp_path / "keras_net.py").write_text(source)
        result = CliRunner().invoke(main, line.split(), terminal_width=200)
        assert result.exit_code == 1, result.output
        assert words(result.output) == words(shown)
