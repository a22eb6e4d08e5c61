"""Partial loads: the tensors that they leave out, and every reason against one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weights import (
    ArgumentError,
    Config,
    MismatchError,
    WeightFile,
    configure,
    select,
    with_classes,
)

NETWORK = {"num_classes": 4}
CLASSIFIER = {"linear.weight", "linear.bias"}


def file(architecture: str = "ghost_resnet20", **config: Any) -> WeightFile:
    """A file of zeros."""
    checked = configure(architecture, config)
    tensors = {spec.name: np.zeros(spec.shape, np.float32) for spec in checked.tensors()}
    return WeightFile(architecture, checked.to_dict(), tensors, {})


def config(**arguments: Any) -> Config:
    return configure("ghost_resnet20", arguments)


def test_everything_is_loaded_where_nothing_differs() -> None:
    chosen = select(file(), "ghost_resnet20", config())

    assert [spec.name for spec in chosen.specs] == list(file().tensors)
    assert chosen.problems == []


def test_a_classifier_of_another_size_keeps_the_modules_own() -> None:
    chosen = select(file(), "ghost_resnet20", config(num_classes=4), ["linear.*"])

    assert set(file().tensors) - {spec.name for spec in chosen.specs} == CLASSIFIER
    assert set(file().tensors) - set(chosen.tensors) == CLASSIFIER
    assert chosen.problems == []


def test_a_pattern_permits_absence_and_loads_what_is_there() -> None:
    chosen = select(file(), "ghost_resnet20", config(), ["linear.*"])

    assert {spec.name for spec in chosen.specs} >= CLASSIFIER


def test_a_size_that_was_not_let_go_is_a_problem_that_names_the_way_out() -> None:
    chosen = select(file(), "ghost_resnet20", config(num_classes=4))

    assert chosen.problems == [
        "`num_classes` is 10 in the file and 4 in the module: allow_missing=['linear.*'] keeps the "
        "module's own"
    ]


def test_an_argument_that_no_shape_shows_stays_a_problem() -> None:
    chosen = select(file(), "ghost_resnet20", config(num_classes=4, bn_eps=1e-3), ["linear.*"])

    assert chosen.problems == ["`bn_eps` is 1e-05 in the file and 0.001 in the module"]


def test_every_differing_argument_is_reported() -> None:
    layer = configure("ghost_conv", {"c_in": 4, "c_out": 8, "stride": [1, 2], "padding": 1})
    chosen = select(file("ghost_conv", c_in=4, c_out=8), "ghost_conv", layer)

    assert chosen.problems == [
        "`padding` is 0 in the file and 1 in the module",
        "`stride` is 1 in the file and [1, 2] in the module",
    ]


def test_another_architecture_is_the_only_problem() -> None:
    with pytest.raises(MismatchError) as caught:
        select(file(), "ghost_conv", config(ratio=3))

    assert caught.value.problems == ("the file holds a ghost_resnet20, the module is a ghost_conv",)


@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        (["head.*"], "`allow_missing` must match tensors, got 'head.*', which matches none"),
        (["linear.*", ""], "`allow_missing` must match tensors, got '', which matches none"),
        ("linear.*", "`allow_missing` must be a list of patterns, got 'linear.*'"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(patterns: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        select(file(), "ghost_resnet20", config(), patterns)

    assert str(caught.value) == text


def test_loading_nothing_at_all_is_refused() -> None:
    empty = WeightFile("ghost_resnet20", config().to_dict(), {}, {})

    with pytest.raises(ArgumentError, match="`allow_missing` leaves nothing to load"):
        select(empty, "ghost_resnet20", config(), ["*"])


def test_a_fresh_classifier_is_the_only_change() -> None:
    before = file()
    after, tensors = with_classes("ghost_resnet20", before.config, before.tensors, 4)

    assert after == config(num_classes=4).to_dict()
    assert {name for name in tensors if tensors[name].any()} == CLASSIFIER
    assert np.abs(tensors["linear.weight"]).max() <= 1 / 8  # 64 inputs
    assert tensors["linear.weight"].shape == (4, 64)


def test_a_classifier_is_drawn_from_its_seed() -> None:
    def weight(seed: int) -> np.ndarray:
        return with_classes("ghost_resnet20", file().config, file().tensors, 4, seed)[1][
            "linear.weight"
        ]

    assert np.array_equal(weight(1), weight(1))
    assert not np.array_equal(weight(1), weight(2))


def test_no_classes_leave_the_classifier_out() -> None:
    network = file("ghostnet", width=0.1, num_classes=3)
    _, tensors = with_classes("ghostnet", network.config, network.tensors, 0)

    assert network.tensors.keys() - tensors.keys() == {"classifier.weight", "classifier.bias"}


def test_a_layer_has_no_classifier() -> None:
    layer = file("ghost_conv", c_in=4, c_out=8)

    with pytest.raises(ArgumentError) as caught:
        with_classes("ghost_conv", layer.config, layer.tensors, 4)

    assert str(caught.value) == "`module` must be a network with a classifier, got a ghost_conv"
