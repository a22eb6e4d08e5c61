"""The README's Python runs as it stands, in its order, and every network of its page is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from conformance.mutants import MUTANTS, TORCH_MUTANTS
from conformance.mutants.variants import INVISIBLE, VARIANTS
from weights.frameworks import PACKAGES
from weights.networks.summary import summarise

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
NETWORKS = ROOT / "docs" / "networks.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_first_screen_shows_one_block_for_each_framework() -> None:
    first = blocks()[:3]
    for block, package in zip(first, PACKAGES, strict=True):
        assert f"from {package} import" in block


@pytest.mark.slow
def test_the_three_blocks_run_and_write_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs, files = [], []
    for block in blocks()[:3]:
        names: dict = {}
        exec(block, names)
        outputs.append(tuple(names["y"].shape))
        files.append(Path("layer.safetensors").read_bytes())
    assert outputs == [(1, 64, 56, 56), (1, 56, 56, 64), (1, 56, 56, 64)]
    assert files[0] == files[1] == files[2]


def test_the_selftest_has_as_many_defects_and_variants_as_the_readme_says() -> None:
    ((defects, variants),) = re.findall(
        r"(\d+) deliberate defects.*?(\d+) correct variants", README.read_text()
    )

    assert int(defects) == len(MUTANTS) + len(TORCH_MUTANTS)
    assert int(variants) == len({*VARIANTS, INVISIBLE})


@pytest.mark.parametrize("package", PACKAGES)
def test_every_network_of_the_page_is_there(package: str) -> None:
    table = NETWORKS.read_text().partition("| name | is |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    module = importlib.import_module(package)
    for cell in cells:
        first, *others = re.findall(r"`([\w.]+)`", cell)
        names = [first.rpartition("_")[0] + name if name[0] == "_" else name for name in others]
        for name in (first, *names):
            holder = importlib.import_module(f"{package}.yolo") if "." in name else module
            assert callable(getattr(holder, name.rpartition(".")[2])), name


def test_the_page_counts_ghostnet() -> None:
    counts = summarise("ghostnet_100", {})
    text = NETWORKS.read_text()

    assert f"{counts.parameters:,} parameters" in text
    assert f"{counts.multiply_accumulates:,} multiply-accumulates" in text
