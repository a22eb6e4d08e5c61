"""A user's own network as a configuration: modules by their paths, in files as all others."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from weights import ArgumentError, FileModule, configure, read_file, tensor_digest, write_modules
from weights.commands.cli import main
from weights.files.metadata import about_digest
from weights.files.storage import write_safetensors
from weights.modules.ordinary.kinds import kinds
from weights.networks.architectures import configure_part
from weights.networks.custom import CustomConfig

GHOST = {"path": "stem", "kind": "ghost_conv", "config": {"c_in": 3, "c_out": 8}}
NORM = {"channels": 4, "eps": 1e-5, "momentum": 0.1}
CONVOLUTION = {
    "c_in": 4, "c_out": 6, "kernel_size": [3], "stride": [2], "padding": [[1, 0]],
    "dilation": [1], "groups": 2, "bias": True,
}  # fmt: skip
# Every kind, the arguments of one, and the shapes of its tensors.
LAYERS: dict[str, tuple[dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "convolution": (CONVOLUTION, {"weight": (6, 2, 3), "bias": (6,)}),
    "transposed_convolution": (CONVOLUTION, {"weight": (4, 3, 3), "bias": (6,)}),
    "linear": (
        {"in_features": 12, "out_features": 5, "bias": True, "flattened": [3, 2, 2]},
        {"weight": (5, 12), "bias": (5,)},
    ),
    "batch_norm": (
        {**NORM, "bias": False},
        {"weight": (4,), "running_mean": (4,), "running_var": (4,)},
    ),
    "layer_norm": ({"channels": 4, "eps": 1e-6}, {"weight": (4,), "bias": (4,)}),
    "group_norm": ({"channels": 4, "groups": 2, "eps": 1e-6}, {"weight": (4,), "bias": (4,)}),
    "embedding": ({"count": 7, "features": 4}, {"weight": (7, 4)}),
    "prelu": ({"channels": 4}, {"weight": (4,)}),
    "multi_head_attention": (
        {"features": 4, "heads": 2, "bias": True},
        {"in_proj_weight": (12, 4), "in_proj_bias": (12,), "out_proj.weight": (4, 4),
         "out_proj.bias": (4,)},
    ),
}  # fmt: skip
MISTAKES = [
    ([], "`modules` must be a list of modules, one at least, got []"),
    ([{"path": "a"}], "`modules` must be objects of path, kind and config"),
    ([GHOST | {"path": "a..b"}], "`modules` must be objects of path, kind and config"),
    ([GHOST | {"path": "x" * 481}], "`modules` must be objects of path, kind and config"),
    ([GHOST, GHOST], "`modules` must stand side by side, got 'stem' in or at another"),
    ([GHOST, GHOST | {"path": "stem.a"}], "`modules` must stand side by side, got 'stem.a' in"),
    ([GHOST, GHOST | {"path": ""}], "`modules` must stand side by side, got 'stem' in or at"),
    ([GHOST | {"kind": "custom"}], "module 'stem': `kind` must be one of ghost_conv, "),
    ([GHOST | {"config": {"c_in": 3}}], "module 'stem': the configuration of ghost_conv missing 1"),
    ([{"path": "n", "kind": "layer_norm", "config": {"channels": 4, "eps": 1.0, "weight": False,
                                                     "bias": False}}],
     "module 'n' must have tensors, got none"),
    ([{"path": "c", "kind": "convolution", "config": {**CONVOLUTION, "stride": [1, 1]}}],
     "module 'c': `stride` must have as many axes as `kernel_size`, got (1, 1) for (3,)"),
    ([{"path": "c", "kind": "convolution", "config": {**CONVOLUTION, "padding": [1]}}],
     "module 'c': `padding` must be 'same' or a list of [before, after] for each axis, got [1]"),
    ([{"path": "c", "kind": "convolution", "config": {**CONVOLUTION, "kernel_size": 3}}],
     "module 'c': `kernel_size` must be a list of 1 to 3 integers, got 3"),
    ([{"path": "f", "kind": "linear", "config": {"in_features": 4, "out_features": 2, "bias": True,
                                                 "flattened": [3, 2]}}],
     "module 'f': `flattened` must have 4 values, got (3, 2)"),
]  # fmt: skip


def random_tensors(kind: str, config: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    entry = {"path": "", "kind": kind, "config": config}
    rng = np.random.default_rng(seed)
    specs = configure("custom", {"modules": [entry]}).tensors()
    return {s.name: rng.uniform(0.5, 1.5, s.shape).astype(np.float32) for s in specs}


def every_kind() -> list[FileModule]:
    kinds = {kind: config for kind, (config, _) in LAYERS.items()}
    kinds["ghost_conv"] = {"c_in": 3, "c_out": 8}
    return [
        FileModule(f"net.{index}", kind, config, random_tensors(kind, config, index))
        for index, (kind, config) in enumerate(kinds.items())
    ]


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_of_layer_has_the_tensors_of_pytorch(kind: str) -> None:
    config, shapes = LAYERS[kind]
    checked = configure("custom", {"modules": [{"path": "a.b", "kind": kind, "config": config}]})

    assert {spec.name: spec.shape for spec in checked.tensors()} == {
        f"a.b.{name}": shape for name, shape in shapes.items()
    }
    assert configure("custom", checked.to_dict()).to_dict() == checked.to_dict()
    assert json.loads(json.dumps(checked.to_dict())) == checked.to_dict()


@pytest.mark.parametrize(("modules", "message"), MISTAKES)
def test_a_wrong_module_is_named(modules: list[Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        list(configure("custom", {"modules": modules}).tensors())

    assert str(error.value).startswith(message)


def test_a_file_of_modules_is_read_inspected_verified_and_compared(tmp_path: Path) -> None:
    path, modules = tmp_path / "net.safetensors", every_kind()
    write_modules(path, modules, source={"importer": "test"})
    file = read_file(path)

    assert file.metadata["format_version"] == "1.1"
    assert list(file.tensors) == [f"{m.path}.{name}" for m in modules for name in m.tensors]
    for name, array in file.tensors.items():
        index = int(name.split(".")[1])
        assert np.array_equal(array, modules[index].tensors[name.split(".", 2)[2]])
    run = CliRunner().invoke
    described = run(main, ["inspect", str(path), "--json"])
    assert json.loads(described.output)["multiply_accumulates"] is None
    for command in (["inspect", path], ["verify", path], ["diff", path, path]):
        result = run(main, [str(word) for word in command])
        assert result.exit_code == 0, result.output


def test_an_exchanged_axis_of_a_module_is_named(tmp_path: Path) -> None:
    modules = every_kind()
    swapped = {**modules[0].tensors, "weight": modules[0].tensors["weight"][..., ::-1]}
    changed = [FileModule(modules[0].path, modules[0].kind, modules[0].config, swapped)]
    for name, rows in (("a", modules), ("b", changed + modules[1:])):
        write_modules(tmp_path / name, rows)

    result = CliRunner().invoke(main, ["diff", str(tmp_path / "a"), str(tmp_path / "b")])

    assert result.exit_code == 1
    assert "net.0.weight" in result.output


@pytest.mark.slow
def test_no_list_of_modules_is_more_work_than_its_tensors() -> None:
    asked = []

    def make(kind: str, config: dict[str, Any]) -> Any:
        asked.append(kind)
        return configure_part(kind, config)

    many = [GHOST | {"path": f"m{index}", "kind": "ghostnet"} for index in range(20_000)]
    many = [{**entry, "config": {}} for entry in many]
    checked = CustomConfig(make, many)

    assert len(list(islice(checked.tensors(), 5))) == 5
    assert asked == ["ghostnet"]


def hostile(path: Path, modules: list[Any], order: Any = None) -> Path:
    """A file of those modules that holds one tensor, `m0.weight`."""
    tensors = {"m0.weight": np.ones(2, np.float32)}
    metadata = {
        "architecture": "custom",
        "config": {"modules": modules},
        "content_sha256": "0" * 64,
        "format_version": "1.1",
        "tensors": {"m0.weight": {"kind": "slope", "sha256": tensor_digest(tensors["m0.weight"])}},
    }
    if order is not None:
        metadata |= {"order": order, "about_sha256": about_digest({"order": order})}
    write_safetensors(path, tensors, {"ghost_weights": json.dumps(metadata)}, overwrite=True)
    return path


SLOPE = {"path": "m0", "kind": "prelu", "config": {"channels": 2}}
WIDE = {**CONVOLUTION, "c_in": 2**20, "c_out": 2**20, "kernel_size": [1024]}
HOSTILE: dict[str, tuple[list[Any], str]] = {
    "many networks": (
        [{"path": f"m{i}", "kind": "ghostnet", "config": {}} for i in range(20_000)],
        "missing tensor 'm0.conv_stem.weight'",
    ),
    "many layers": ([SLOPE | {"path": f"m{i}"} for i in range(20_000)], "missing tensor 'm1.weig"),
    "another shape": ([SLOPE | {"config": {"channels": 3}}], "must have shape (3,), got (2,)"),
    "deep": ([SLOPE | {"path": ".".join("a" * 240)}], "missing tensor 'a.a."),
    "too deep": ([SLOPE | {"path": ".".join("a" * 250)}], "must be objects of path, kind and con"),
    "wide": ([SLOPE | {"kind": "convolution", "config": WIDE}], "a kernel may have 2147483648 num"),
    "unknown": ([SLOPE | {"kind": "\x1b[31m"}], r"got '\x1b[31m': make it known"),
    "a line": ([SLOPE | {"path": "a\nb"}], "must be objects of path, kind and config"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_list_of_modules_is_refused_in_few_words(name: str, tmp_path: Path) -> None:
    modules, message = HOSTILE[name]
    path = hostile(tmp_path / "file", modules)

    for command in (["verify", str(path)], ["template", str(path), "--to", "torch"]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 1
        assert message in result.output
        assert len(result.output) < 20_000
        assert "\x1b" not in result.output


def test_a_module_that_differs_is_named_with_its_argument(tmp_path: Path) -> None:
    modules = every_kind()
    other = FileModule(
        "net.3", "batch_norm", {**modules[3].config, "eps": 1e-3}, modules[3].tensors
    )
    write_modules(tmp_path / "a", modules)
    write_modules(tmp_path / "b", [*modules[:3], other, *modules[4:]])

    result = CliRunner().invoke(main, ["diff", str(tmp_path / "a"), str(tmp_path / "b")])

    assert result.output.splitlines()[0] == "`modules.net.3.eps` is 1e-05 in A and 0.001 in B"
