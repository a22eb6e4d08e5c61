"""Differences of whole files: tensors in each other's place, arguments, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weights import Config, WeightFile, configure, read_file, write_file
from weights.files.diff import compare_files


@pytest.fixture
def layers(
    write_layer: Callable[..., Path], layer: Config, random_tensors: Callable[..., Any]
) -> Callable[..., tuple[WeightFile, WeightFile]]:
    """A layer, and the same with some tensors or arguments replaced."""

    def make(
        change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]], **config: Any
    ) -> Any:
        changed = change(random_tensors(layer))
        return read_file(write_layer("a")), read_file(write_layer("b", changed, **config))

    return make


def test_equal_files_have_no_difference(layers: Callable[..., Any]) -> None:
    difference = compare_files(*layers(lambda tensors: {}))

    assert difference.equal and len(difference.tensors) == 10


def test_swapped_tensors_are_recognised(layers: Callable[..., Any]) -> None:
    def swap(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        weight, bias = tensors["cheap_conv.1.weight"], tensors["cheap_conv.1.bias"]
        return {"cheap_conv.1.weight": bias, "cheap_conv.1.bias": weight}

    difference = compare_files(*layers(swap))
    hints = {tensor.name: tensor.looks_like for tensor in difference.tensors if not tensor.equal}

    assert hints == {
        "cheap_conv.1.weight": "equals tensor 'cheap_conv.1.bias' of A",
        "cheap_conv.1.bias": "equals tensor 'cheap_conv.1.weight' of A",
    }


def test_equal_constants_are_not_called_swapped(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    tensors = random_tensors(layer)
    a = tensors | {"cheap_conv.1.bias": np.zeros(6, np.float32)}
    b = tensors | {"cheap_conv.1.running_mean": np.zeros(6, np.float32)}
    for name, content in (("a", a), ("b", b)):
        write_file(tmp_path / name, "ghost_conv", layer.to_dict(), content)

    found = compare_files(read_file(tmp_path / "a"), read_file(tmp_path / "b"))

    assert {tensor.looks_like for tensor in found.tensors} == {"equal", ""}


def test_a_differing_argument_is_a_difference_of_equal_tensors(layers: Callable[..., Any]) -> None:
    difference = compare_files(*layers(lambda tensors: {}, bn_eps=1e-3, stride=1))

    assert difference.config == (
        "`bn_eps` is 1e-05 in A and 0.001 in B",
        "`stride` is 2 in A and 1 in B",
    )
    assert not difference.equal and all(tensor.equal for tensor in difference.tensors)


def test_tensors_of_one_file_only_are_named(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    tensors = random_tensors(layer)
    primary = {name: array for name, array in tensors.items() if name.startswith("primary_conv.")}
    write_file(tmp_path / "a", "ghost_conv", layer.to_dict(), tensors)
    write_file(tmp_path / "b", "ghost_conv", layer.to_dict() | {"c_out": 3, "ratio": 1}, primary)
    a, b = read_file(tmp_path / "a"), read_file(tmp_path / "b")

    there, back = compare_files(a, b), compare_files(b, a)

    assert {tensor.looks_like for tensor in there.tensors} == {"equal", "missing in B"}
    assert {tensor.looks_like for tensor in back.tensors} == {"equal", "missing in A"}


def test_another_architecture_is_the_first_difference(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    network = configure("ghost_resnet20", {})
    write_file(tmp_path / "a", "ghost_conv", layer.to_dict(), random_tensors(layer))
    write_file(tmp_path / "b", "ghost_resnet20", {}, random_tensors(network))

    difference = compare_files(read_file(tmp_path / "a"), read_file(tmp_path / "b"))

    assert difference.config == ("architecture is ghost_conv in A and ghost_resnet20 in B",)
    assert {tensor.looks_like for tensor in difference.tensors} == {"missing in A", "missing in B"}
