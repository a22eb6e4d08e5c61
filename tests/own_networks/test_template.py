"""A skeleton of a network's modules: a program that runs as it stands, and takes the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.columns import Column, in_every_column
from weights import FileModule, configure, write_modules
from weights.commands.cli import main
from weights.files.metadata import ENTRY, about_digest
from weights.files.storage import read_safetensors, write_safetensors

IMAGE = {"kernel_size": [3, 5], "stride": [1, 1], "dilation": [1, 1]}
# Modules in every way that paths go: attributes, lists with and without gaps, odd names.
MODULES: list[tuple[str, str, dict[str, Any]]] = [
    ("stem", "convolution", {**IMAGE, "c_in": 3, "c_out": 8, "padding": [[1, 1], [2, 2]],
                             "groups": 1, "bias": True}),
    ("stages.0.ghost", "ghost_conv", {"c_in": 8, "c_out": 12, "ratio": 3, "padding": [1, 0]}),
    ("stages.0.norm", "batch_norm", {"channels": 12, "eps": 1e-5, "momentum": 0.1}),
    ("stages.1.ghost", "ghost_bottleneck", {"c_in": 12, "c_mid": 16, "c_out": 12, "stride": 2}),
    ("tail.0", "convolution", {**IMAGE, "c_in": 12, "c_out": 24, "padding": [[0, 0], [0, 0]],
                               "groups": 12, "bias": False}),
    ("tail.2", "prelu", {"channels": 24}),
    ("tail.3", "transposed_convolution", {**IMAGE, "stride": [2, 2], "c_in": 24, "c_out": 10,
                                          "padding": [[0, 0], [0, 0]], "groups": 1, "bias": True}),
    ("odd name", "group_norm", {"channels": 10, "groups": 2, "eps": 1e-3}),
    ("strided", "convolution", {**IMAGE, "stride": [2, 2], "c_in": 10, "c_out": 16,
                                "padding": [[1, 1], [2, 2]], "groups": 1, "bias": True}),
    ("class", "linear", {"in_features": 96, "out_features": 8, "bias": True,
                         "flattened": [16, 3, 2]}),
    ("attention", "multi_head_attention", {"features": 8, "heads": 2, "bias": True}),
    ("last", "layer_norm", {"channels": 8, "eps": 1e-5}),
    ("words", "embedding", {"count": 5, "features": 8}),
]  # fmt: skip


PROGRAM = [
    "class NetworkStages_0(nn.Module):",
    "    def __init__(self):",
    "        super().__init__()",
    "        self.ghost = ghost_torch.GhostConv(c_in=8, c_out=12, ratio=3, padding=[1, 0])",
    "        self.norm = nn.BatchNorm2d(12, eps=1e-05, momentum=0.1, affine=True)",
    "    def forward(self, x):",
    '        raise NotImplementedError("connect the modules here")',
    "class Network(nn.Module):",
    "    def __init__(self):",
    "        super().__init__()",
    "        self.stem = nn.Conv2d(3, 8, (3, 5), stride=(1, 1), padding=(1, 2), "
    "dilation=(1, 1), groups=1, bias=True, padding_mode='zeros')",
    "        self.stages = nn.ModuleList([",
    "            NetworkStages_0(),",
    "        ])",
    "        setattr(self, 'class', nn.Linear(96, 8, bias=True))  # reads flattened (16, 3, 2)",
    "    def forward(self, x):",
    '        raise NotImplementedError("connect the modules here")',
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "network.safetensors"
    write_modules(path, (FileModule(*module, _tensors(*module)) for module in MODULES))
    return path


def _tensors(path: str, kind: str, config: dict[str, Any]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(len(path))
    entry = {"path": "", "kind": kind, "config": config}
    specs = configure("custom", {"modules": [entry]}).tensors()
    return {spec.name: rng.uniform(0.5, 1.5, spec.shape).astype(np.float32) for spec in specs}


@pytest.mark.slow
@in_every_column
def test_a_skeleton_runs_as_it_stands_and_takes_the_file(
    column: Column, file: Path, tmp_path: Path
) -> None:
    package, name = column.package, column.name.removeprefix("ghost_")
    result = CliRunner().invoke(main, ["template", str(file), "--to", name])
    assert result.exit_code == 0, result.output

    names: dict[str, Any] = {"__name__": "skeleton"}
    exec(compile(result.output, "skeleton", "exec"), names)
    rngs = [names["nnx"].Rngs(0)] if name == "jax" else []
    network = names["Network"](*rngs)
    report = package.load_weights(network, file)
    package.save_weights(network, tmp_path / "again", flatten={"class": (16, 3, 2)})

    assert report.pairs == tuple((path, path) for path, _, _ in MODULES)
    # Keras pads a strided convolution before it, in a layer of its own.
    assert [note.partition(":")[0] for note in report.notes] == ["'strided'"] * (name == "tf")
    assert name == "tf" or (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_skeleton_is_a_program_to_be_read(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    few = [module for module in MODULES if module[0].startswith(("stem", "stages.0", "class"))]
    write_modules(path, (FileModule(*module, _tensors(*module)) for module in few))
    pytest.importorskip("torch")

    result = CliRunner().invoke(main, ["template", str(path), "--to", "torch"])

    program = result.output.partition("from torch import nn\n")[2]
    assert [line for line in program.splitlines() if line] == PROGRAM


def test_what_is_no_network_of_the_users_has_no_template(tmp_path: Path) -> None:
    path = tmp_path / "layer.safetensors"
    module = ("", "prelu", {"channels": 2})
    write_modules(path, [FileModule(*module, _tensors(*module))])

    result = CliRunner().invoke(main, ["template", str(path), "--to", "torch"])

    assert result.exit_code == 1
    assert "holds one layer, of which there is no path: make it yourself" in result.output


def test_an_order_that_leaves_a_module_out_has_no_template(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "file.safetensors"
    modules = [(name, "prelu", {"channels": 2}) for name in ("a", "b")]
    write_modules(path, (FileModule(*module, _tensors(*module)) for module in modules))
    tensors, strings = read_safetensors(path)
    metadata = json.loads(strings[ENTRY]) | {"order": ["b"]}
    metadata |= {"about_sha256": about_digest(metadata)}
    write_safetensors(path, tensors, {ENTRY: json.dumps(metadata)}, overwrite=True)

    result = CliRunner().invoke(main, ["template", str(path), "--to", "torch"])

    assert result.exit_code == 1
    assert "the file's `order` must name each of its modules once" in result.output
