"""`state`, `set_state`, `save_weights`, `load_weights` and `from_file` in every framework."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.columns import Column, assert_same_state, in_every_column, normal, tensors_of
from weights import GhostError

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5}
OTHER = tensors_of("ghost_conv", seed=1, **LAYER)
NAME = "primary_conv.0.weight"
# The calls that read or change a module, and their other arguments.
CALLS: dict[str, Callable[[Path], tuple[Any, ...]]] = {
    "save_weights": lambda path: (path.with_suffix(".copy"),),
    "load_weights": lambda path: (path,),
    "state": lambda path: (),
    "set_state": lambda path: (OTHER,),
    "deploy": lambda path: (),
}


def loaded(column: Column) -> Any:
    """A layer with random tensors."""
    return column.load("ghost_conv", tensors_of("ghost_conv", **LAYER), **LAYER)


@in_every_column
def test_a_fresh_layer_takes_a_state_whole(column: Column) -> None:
    layer = column.make("GhostConv", **LAYER)

    column.package.set_state(layer, OTHER)

    assert_same_state(column.package.state(layer), OTHER)


@in_every_column
def test_a_fresh_layer_loads_the_file_of_another(column: Column, tmp_path: Path) -> None:
    saved, fresh = loaded(column), column.make("GhostConv", **LAYER)
    column.package.save_weights(saved, tmp_path / "layer.safetensors")

    column.package.load_weights(fresh, tmp_path / "layer.safetensors")

    assert_same_state(column.package.state(fresh), column.package.state(saved))


@in_every_column
def test_from_file_builds_the_same_layer(column: Column, tmp_path: Path) -> None:
    saved, x = loaded(column), normal(2, 3, 3, 2)
    column.package.save_weights(saved, tmp_path / "layer.safetensors")

    built = column.package.from_file(tmp_path / "layer.safetensors")

    assert built.config == saved.config
    assert column.run(built, x).tobytes() == column.run(saved, x).tobytes()


@in_every_column
def test_the_arrays_of_a_state_are_its_owners(column: Column) -> None:
    layer = loaded(column)
    state = column.package.state(layer)
    kept = {name: array.copy() for name, array in state.items()}

    column.run(layer, normal(2, 3, 3, 2), training=True)

    assert_same_state(state, kept)
    state[NAME][:] = 7
    assert (column.package.state(layer)[NAME] == kept[NAME]).all()


@in_every_column
def test_a_layer_keeps_no_array_of_its_user(column: Column) -> None:
    tensors = {name: array.copy() for name, array in OTHER.items()}
    layer = loaded(column)
    column.package.set_state(layer, tensors)

    for array in tensors.values():
        array[:] = 7

    assert_same_state(column.package.state(layer), OTHER)


@in_every_column
def test_a_file_is_not_overwritten_unless_asked(column: Column, tmp_path: Path) -> None:
    layer, path = column.load("ghost_conv", OTHER, **LAYER), tmp_path / "layer.safetensors"
    path.write_bytes(b"something else")

    with pytest.raises(GhostError, match=r"exists: pass overwrite=True to replace it$"):
        column.package.save_weights(layer, path)
    assert path.read_bytes() == b"something else"

    column.package.save_weights(layer, path, overwrite=True)
    assert_same_state(column.package.state(column.package.from_file(path)), OTHER)


@in_every_column
@pytest.mark.parametrize("call", CALLS)
def test_a_call_looks_at_its_module_once(
    column: Column, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, path = loaded(column), tmp_path / "layer.safetensors"
    column.package.save_weights(layer, path)
    framework, seen = column.package.save_weights.__self__, []
    facts = framework.facts
    monkeypatch.setattr(framework, "facts", lambda module: seen.append(module) or facts(module))

    getattr(column.package, call)(layer, *CALLS[call](path))

    assert [module is layer for module in seen].count(True) == 1
