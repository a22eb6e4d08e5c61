"""Fixtures of the tests of `weights`: random tensors, files to damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import save_file

from tests.file_edits import in_place, with_header, with_metadata
from weights import Config, configure, write_file
from weights.commands.cli import main
from weights.tensors import RUNNING_VAR

LAYER = {"c_in": 3, "c_out": 9, "kernel_size": [3, 5], "ratio": 3, "stride": 2, "padding": [1, 2]}

Tensors = dict[str, np.ndarray]


@pytest.fixture
def layer() -> Config:
    """A GhostConv of which no two axes can be mistaken for each other."""
    return configure("ghost_conv", LAYER)


@pytest.fixture
def random_tensors() -> Callable[..., Tensors]:
    """Random tensors of a configuration, variances positive."""

    def make(config: Config, dtype: Any = np.float32, seed: int = 0) -> Tensors:
        generator = np.random.default_rng(seed)
        drawn = {spec: generator.normal(size=spec.shape) for spec in config.tensors()}
        return {
            spec.name: (np.exp(array) if spec.kind == RUNNING_VAR else array).astype(dtype)
            for spec, array in drawn.items()
        }

    return make


@pytest.fixture
def write_layer(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Tensors]
) -> Callable[..., Path]:
    """Write the layer's file with some tensors or arguments replaced."""

    def write(name: str, tensors: Mapping[str, np.ndarray] | None = None, **config: Any) -> Path:
        path = tmp_path / name
        changed = random_tensors(layer) | dict(tensors or {})
        write_file(path, "ghost_conv", layer.to_dict() | config, changed)
        return path

    return write


@pytest.fixture
def edit_header() -> Callable[..., None]:
    """Change the header of a safetensors file in place, data untouched."""

    def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
        path.write_bytes(with_header(path.read_bytes(), in_place(change)))

    return edit


@pytest.fixture
def edit_metadata() -> Callable[..., None]:
    """Change the metadata entry of an interchange file in place."""

    def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
        path.write_bytes(with_metadata(path.read_bytes(), in_place(change)))

    return edit


@pytest.fixture
def file_names(tmp_path: Path) -> Callable[[], list[str]]:
    """The names in the test's own folder, hidden ones included."""

    def names() -> Iterator[str]:
        return (path.name for path in tmp_path.iterdir())

    return lambda: sorted(names())


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command, arguments as strings."""

    def invoke(*arguments: Any) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Save a foreign state dict."""

    def write_tensors(tensors: Tensors, name: str = "foreign.safetensors") -> Path:
        save_file(tensors, tmp_path / name)
        return tmp_path / name

    return write_tensors
