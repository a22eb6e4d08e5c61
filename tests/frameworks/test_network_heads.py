"""Every network takes `dropout`, `num_classes=0` and `features`, in every framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.oracle.weights_io import build
from tests.columns import COLUMNS, Column, in_every_column, normal, tensors_of
from weights import ArgumentError, configure, read_file, write_file

CIFAR = ("ghost_resnet20", "ghost_vgg16")
# Architecture, the paths of its feature maps, and their strides.
FEATURES = {
    "ghost_resnet20": {"layer1": 1, "layer2": 2, "layer3": 4},
    "ghost_vgg16": {f"features.{number}": 2 ** (number + 1) for number in range(5)},
}
# Without a hidden layer nothing but the mean is left.
HEADLESS = [
    ("ghost_resnet20", {}, 64, "mean"),
    ("ghost_vgg16", {}, 512, "hidden"),
    ("ghost_vgg16", {"hidden": False}, 512, "mean"),
]
RATE = "`dropout` must be a finite number of at least 0 and at most 1"
X = normal(2, 3, 32, 32)
every_network = pytest.mark.parametrize("architecture", CIFAR)
one_network_and_the_matrix_the_other = pytest.mark.parametrize(
    "architecture", [CIFAR[0], pytest.param(CIFAR[1], marks=pytest.mark.matrix)]
)


@pytest.mark.slow
@in_every_column
@every_network
def test_features_are_the_stages_by_their_paths(column: Column, architecture: str) -> None:
    tensors = tensors_of(architecture)
    network = column.load(architecture, tensors)
    column.run(network, X)  # in inference from now on

    found = {
        name: column.array(array) for name, array in network.features(column.native(X)).items()
    }

    strides = {name: 32 // array.shape[2] for name, array in found.items()}
    assert strides == FEATURES[architecture]
    oracle = build(architecture, {}, tensors)
    wanted, stages = oracle.features(X.astype(np.float64)), oracle.stages(X.astype(np.float64))
    for name, array in wanted.items():
        np.testing.assert_array_equal(array, stages[name])
        assert np.abs(found[name] - array).max() < 1e-4 * np.abs(array).max()


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize(("architecture", "config", "width", "last"), HEADLESS)
def test_without_a_classifier_the_features_before_it_are_left(
    column: Column, architecture: str, config: dict[str, Any], width: int, last: str
) -> None:
    config = config | {"num_classes": 0}
    tensors = tensors_of(architecture, **config)
    network = column.load(architecture, tensors, **config)

    out = column.run(network, X)
    wanted = build(architecture, config, tensors)(X.astype(np.float64))
    assert out.shape == wanted.shape == network.plan.output_shape(2, 32, 32) == (2, width)
    assert np.abs(out - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert list(network.stages(column.native(X)))[-1] == last
    assert not [name for name in column.package.state(network) if name.startswith("linear.")]


@pytest.mark.slow
@in_every_column
@one_network_and_the_matrix_the_other
def test_a_classifier_goes_and_another_comes(column: Column, architecture: str) -> None:
    whole = column.load(architecture, tensors_of(architecture))

    bare = column.package.reset_classifier(whole, 0)
    again = column.package.reset_classifier(bare, 7)

    assert column.run(bare, X).shape[1] == bare.plan.output_shape(2, 32, 32)[1]
    assert column.run(again, X).shape == (2, 7)
    kept = {name: array.tobytes() for name, array in column.package.state(bare).items()}
    assert (
        kept.items()
        <= {name: array.tobytes() for name, array in column.package.state(again).items()}.items()
    )


@pytest.mark.slow
@in_every_column
@one_network_and_the_matrix_the_other
def test_dropout_acts_in_training_alone(column: Column, architecture: str) -> None:
    tensors = tensors_of(architecture)
    network = column.load(architecture, tensors, dropout=1.0)
    plain = column.load(architecture, tensors)

    np.testing.assert_array_equal(column.run(network, X), column.run(plain, X))
    dropped = column.run(network, X, training=True)
    np.testing.assert_array_equal(dropped, [tensors["linear.bias"]] * 2)


@pytest.mark.slow
@in_every_column
@one_network_and_the_matrix_the_other
def test_a_file_keeps_the_dropout_and_the_missing_classifier(
    column: Column, architecture: str, tmp_path: Path
) -> None:
    config = {"dropout": 0.25, "num_classes": 0}
    network = column.load(architecture, tensors_of(architecture, **config), **config)
    column.package.save_weights(network, tmp_path / "a.safetensors")

    again = column.package.from_file(tmp_path / "a.safetensors")

    assert config.items() <= again.config.items()
    np.testing.assert_array_equal(column.run(again, X), column.run(network, X))


# SHA-256 of the content of a file with tensors of zeros, as it was before there was a dropout.
DIGESTS = {
    "ghost_resnet20": "96565fb5fa3137864e782136e955608dcbc1b9ff38340fea29d39ab7c16845e3",
    "ghost_resnet56": "f15e26e143ece5e2b55ee9de5ff8535bc66466a5bbf62fd34625d83edd41436f",
    "ghost_vgg16": "6118c2630b0a8056a4d8fcdbc504969fef51f6242fa9bf469a7bdc3da2cc5eef",
    "c3_ghost": "7df306c19b910e6c662116f275b23a755ab527205b1f2e67dfa5b0c394b64e24",
}


@pytest.mark.parametrize("architecture", DIGESTS)
def test_a_configuration_without_what_is_new_has_the_digest_of_before(
    architecture: str, tmp_path: Path
) -> None:
    config = {"c1": 8, "c2": 16} if architecture == "c3_ghost" else {}
    specs = configure(architecture, config).tensors()
    tensors = {spec.name: np.zeros(spec.shape, np.float16) for spec in specs}
    write_file(tmp_path / "a.safetensors", architecture, config, tensors)

    found = read_file(tmp_path / "a.safetensors").metadata["content_sha256"]
    assert found == DIGESTS[architecture]


@pytest.mark.parametrize("architecture", FEATURES)
@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (
            {"dropout": 1.5},
            "`dropout` must be a finite number of at least 0 and at most 1, got 1.5",
        ),
        (
            {"dropout": True},
            "`dropout` must be a finite number of at least 0 and at most 1, got Tr",
        ),
        ({"num_classes": -1}, "`num_classes` must be an integer of at least 0, got -1"),
    ],
)
def test_what_every_network_takes_is_checked(
    architecture: str, changed: dict[str, Any], text: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        configure(architecture, changed)

    assert str(caught.value).startswith(text)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["ghost_torch", "ghost_jax"])
def test_rematerialisation_is_on_or_off(package: str) -> None:
    column = next(each for each in COLUMNS if each.name == package)

    with pytest.raises(ArgumentError) as caught:
        column.make("GhostNet", 0.1, 1, remat="yes")

    assert str(caught.value) == "`remat` must be True or False, got 'yes'"
