"""A refused load leaves every tensor of the module as it was, in every framework."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import Column, assert_same_state, in_every_column, tensors_of, with_ids
from tests.trust import error_table
from weights import (
    ArgumentError,
    DigestError,
    FormatError,
    GhostError,
    MismatchError,
    write_file,
)

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5}
OTHER = tensors_of("ghost_conv", seed=1, **LAYER)
NAME = "primary_conv.0.weight"

Tensors = dict[str, np.ndarray]


def loaded(column: Column) -> Any:
    """A layer that must keep its tensors, whatever is refused."""
    return column.load("ghost_conv", tensors_of("ghost_conv", **LAYER), **LAYER)


def written(path: Path, tensors: Tensors = OTHER, **changed: Any) -> Path:
    """An interchange file of a layer, some arguments changed."""
    write_file(path, "ghost_conv", LAYER | changed, tensors)
    return path


def without(name: str) -> Tensors:
    """All tensors but one."""
    return {key: array for key, array in OTHER.items() if key != name}


WRONG_TENSORS: list[tuple[str, Callable[[], Any], str]] = [
    ("missing", lambda: without("cheap_conv.1.bias"),
     "missing tensor 'cheap_conv.1.bias' of shape (4,)"),
    ("unexpected", lambda: OTHER | {"head.gain": np.zeros(2)}, "unexpected tensor 'head.gain'"),
    ("shape", lambda: OTHER | {NAME: OTHER[NAME].transpose(1, 0, 2, 3)},
     "tensor 'primary_conv.0.weight' must have shape (2, 3, 1, 1), got (3, 2, 1, 1)"),
    ("dtype", lambda: OTHER | {NAME: OTHER[NAME].astype(np.float64)},
     "tensor 'primary_conv.0.weight' must be F32 as in the module, got F64: build the module with "
     "that dtype, or cast the tensors"),
    ("list", lambda: OTHER | {NAME: OTHER[NAME].tolist()},
     "tensor 'primary_conv.0.weight' must be a NumPy array, got list"),
]  # fmt: skip

WRONG_FILES: list[tuple[str, dict[str, Any], str]] = [
    ("eps", {"bn_eps": 1e-3}, "`bn_eps` is 0.001 in the file and 1e-05 in the module"),
    ("stride", {"stride": 2}, "`stride` is 2 in the file and 1 in the module"),
    ("activation", {"activation": "silu"},
     "`activation` is 'silu' in the file and 'relu' in the module"),
]  # fmt: skip


@in_every_column
@pytest.mark.parametrize(("make", "problem"), with_ids(WRONG_TENSORS))
def test_a_refused_state_changes_nothing(
    column: Column, make: Callable[[], Any], problem: str
) -> None:
    layer = loaded(column)
    before = column.package.state(layer)

    with pytest.raises(MismatchError) as error:
        column.package.set_state(layer, make())

    what = "cannot set the state of GhostConv; nothing was changed. 1 problem:"
    assert str(error.value) == f"{what}\n  - {problem}"
    assert_same_state(column.package.state(layer), before)


@in_every_column
@pytest.mark.parametrize(("changed", "problem"), with_ids(WRONG_FILES))
def test_a_file_of_another_configuration_changes_nothing(
    column: Column, tmp_path: Path, changed: dict[str, Any], problem: str
) -> None:
    layer, path = loaded(column), written(tmp_path / "layer.safetensors", **changed)
    before = column.package.state(layer)

    with pytest.raises(MismatchError) as error:
        column.package.load_weights(layer, path)

    what = f"cannot load {path} into GhostConv; nothing was changed. 1 problem:"
    assert str(error.value) == f"{what}\n  - {problem}"
    assert_same_state(column.package.state(layer), before)


@in_every_column
def test_a_file_of_another_type_changes_nothing(column: Column, tmp_path: Path) -> None:
    halves = {name: array.astype(np.float16) for name, array in OTHER.items()}
    layer, path = loaded(column), written(tmp_path / "layer.safetensors", halves)
    before = column.package.state(layer)

    with pytest.raises(MismatchError, match=r"must be F32 as in the module, got F16") as error:
        column.package.load_weights(layer, path)

    assert len(error.value.problems) == len(OTHER)
    assert_same_state(column.package.state(layer), before)


@in_every_column
def test_a_file_of_another_architecture_changes_nothing(column: Column, tmp_path: Path) -> None:
    layer, path = loaded(column), tmp_path / "network.safetensors"
    write_file(path, "ghost_resnet20", {}, tensors_of("ghost_resnet20"))
    before = column.package.state(layer)

    with pytest.raises(MismatchError) as error:
        column.package.load_weights(layer, path)

    assert error.value.problems == ("the file holds a ghost_resnet20, the module is a ghost_conv",)
    assert_same_state(column.package.state(layer), before)


@in_every_column
def test_a_damaged_file_changes_nothing(column: Column, tmp_path: Path) -> None:
    layer, path = loaded(column), written(tmp_path / "layer.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    before = column.package.state(layer)

    with pytest.raises(DigestError, match=r"damaged tensors \(SHA-256 differs\): \w+_conv\.1"):
        column.package.load_weights(layer, path)

    assert_same_state(column.package.state(layer), before)


@in_every_column
def test_a_file_cut_short_changes_nothing(column: Column, tmp_path: Path) -> None:
    layer, path = loaded(column), written(tmp_path / "layer.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    before = column.package.state(layer)

    with pytest.raises(FormatError, match="is not a whole safetensors file"):
        column.package.load_weights(layer, path)

    assert_same_state(column.package.state(layer), before)


@in_every_column
def test_no_way_in_which_a_file_can_be_bad_changes_anything(column: Column, tmp_path: Path) -> None:
    layer, path = loaded(column), tmp_path / "layer.safetensors"
    before, ways = column.package.state(layer), list(error_table.files(path))

    for _, data in ways:
        path.write_bytes(data)
        with pytest.raises(GhostError):
            column.package.load_weights(layer, path)
        assert_same_state(column.package.state(layer), before)

    assert len(ways) > 20


@in_every_column
@pytest.mark.parametrize("leaf", ["bias", "running_var"])
def test_numbers_that_no_trained_layer_has_change_nothing(
    column: Column, tmp_path: Path, leaf: str
) -> None:
    name, wrong = f"primary_conv.1.{leaf}", {"bias": np.nan, "running_var": -1.0}[leaf]
    layer, path = loaded(column), tmp_path / "layer.safetensors"
    written(path, OTHER | {name: np.full(2, wrong, np.float32)})
    before = column.package.state(layer)

    with pytest.raises(FormatError, match=f"tensor '{name}' has"):
        column.package.load_weights(layer, path)

    assert_same_state(column.package.state(layer), before)


@in_every_column
@pytest.mark.parametrize("missing", [True, False], ids=["missing", "a folder"])
def test_what_is_no_file_changes_nothing(column: Column, tmp_path: Path, missing: bool) -> None:
    layer, path = loaded(column), tmp_path / "nothing" if missing else tmp_path
    before = column.package.state(layer)

    with pytest.raises(FormatError, match="cannot read"):
        column.package.load_weights(layer, path)

    assert_same_state(column.package.state(layer), before)


@in_every_column
def test_a_part_of_a_layer_is_refused(column: Column) -> None:
    half = loaded(column).primary_conv

    with pytest.raises(ArgumentError) as error:
        column.package.set_state(half, OTHER)

    assert str(error.value) == (
        "`module` must be one of GhostConv, GhostConvV2, GhostConvV3, SqueezeExcite, "
        "GhostBottleneck, RepGhostConv, RepGhostBottleneck, C3Ghost, GhostNet, GhostNetV2, "
        "GhostNetV3, RepGhostNet, GhostResNet20, GhostResNet56, GhostVGG16, got ConvNormAct: pass "
        "the module itself, not a wrapper or a part of it; save_weights, load_weights and deploy "
        "alone take networks of your own"
    )
