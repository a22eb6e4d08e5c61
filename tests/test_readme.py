"""The README's Python runs as it stands, in its order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_first_screen_shows_one_block_for_each_framework() -> None:
    first = blocks()[:3]
    for block, package in zip(first, ("ghost_torch", "ghost_jax", "ghost_tf"), strict=True):
        assert f"from {package} import" in block


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
