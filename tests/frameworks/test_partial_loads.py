"""Partial loads, fresh classifiers and pretrained weights: the same in every framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, Column
from weights import ArgumentError, MismatchError, configure, read_file, write_file

pytestmark = pytest.mark.slow  # builds whole networks in every framework

SMALL = {"width": 0.1, "num_classes": 10}

every_column = pytest.mark.parametrize("column", COLUMNS, ids=str)


def tensors(seed: int = 0, **config: Any) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        spec.name: generator.uniform(0.5, 1, spec.shape).astype(np.float32)
        for spec in configure("ghostnet", SMALL | config).tensors()
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "network.safetensors"
    write_file(path, "ghostnet", configure("ghostnet", SMALL).to_dict(), tensors())
    return path


@every_column
def test_a_new_classifier_is_kept_and_all_else_loaded(column: Column, file: Path) -> None:
    module = column.load("ghostnet", tensors(1, num_classes=4), **(SMALL | {"num_classes": 4}))

    column.package.load_weights(module, file, allow_missing=["classifier.*"])

    after = column.package.state(module)
    own, loaded = tensors(1, num_classes=4), tensors()
    for name, array in after.items():
        wanted = own if name.startswith("classifier.") else loaded
        np.testing.assert_array_equal(array, wanted[name])


@every_column
def test_without_permission_nothing_is_loaded(column: Column, file: Path) -> None:
    module = column.load("ghostnet", tensors(1, num_classes=4), **(SMALL | {"num_classes": 4}))

    with pytest.raises(MismatchError) as caught:
        column.package.load_weights(module, file)

    assert caught.value.problems == (
        "`num_classes` is 10 in the file and 4 in the module: allow_missing=['classifier.*'] keeps "
        "the module's own",
        "tensor 'classifier.weight' must have shape (4, 1280), got (10, 1280)",
        "tensor 'classifier.bias' must have shape (4,), got (10,)",
    )
    after = column.package.state(module)
    assert all(
        np.array_equal(after[name], array) for name, array in tensors(1, num_classes=4).items()
    )


@every_column
def test_a_pattern_that_matches_nothing_is_an_error(column: Column, file: Path) -> None:
    module = column.load("ghostnet", tensors(1), **SMALL)

    with pytest.raises(ArgumentError) as caught:
        column.package.load_weights(module, file, allow_missing=["fc.*"])

    assert str(caught.value) == "`allow_missing` must match tensors, got 'fc.*', which matches none"


@every_column
def test_a_classifier_is_reset_in_a_new_network(column: Column) -> None:
    module = column.load("ghostnet", tensors(), **SMALL)

    fresh = column.package.reset_classifier(module, 3)

    assert fresh.config == module.config | {"num_classes": 3}
    state = column.package.state(fresh)
    assert state["classifier.weight"].shape == (3, 1280)
    np.testing.assert_array_equal(state["conv_stem.weight"], tensors()["conv_stem.weight"])


ABOUT: Any = {
    "source": {"importer": "timm", "assumed": {"bn_eps": 1e-5}},
    "preprocess": {"divide_by": 255.0, "mean": [0.5], "std": [0.5], "layout": "NHWC"},
    "classes": [f"class {number}" for number in range(SMALL["num_classes"])],
}


@every_column
def test_what_a_file_says_is_saved_with_the_module_that_was_loaded(
    column: Column, tmp_path: Path
) -> None:
    path, again = tmp_path / "network", tmp_path / "again"
    write_file(path, "ghostnet", SMALL, tensors(), **ABOUT)
    package = column.package
    loaded = column.load("ghostnet", tensors(1), **SMALL)
    package.load_weights(loaded, path)

    for module in (loaded, package.from_file(path)):
        package.save_weights(module, again, overwrite=True)
        assert again.read_bytes() == path.read_bytes()

    package.save_weights(package.reset_classifier(loaded, 2), again, overwrite=True)
    metadata = read_file(again).metadata
    assert metadata["preprocess"] == ABOUT["preprocess"]
    assert metadata["source"] == ABOUT["source"]
    assert "classes" not in metadata


@every_column
def test_a_file_is_built_with_a_fresh_classifier(column: Column, file: Path) -> None:
    built = column.package.from_file(file, num_classes=3)

    state, saved = column.package.state(built), read_file(file).tensors
    assert state["classifier.weight"].shape == (3, 1280)
    assert all(np.array_equal(state[n], x) for n, x in saved.items() if "classifier" not in n)
    same = column.package.from_file(file, num_classes=read_file(file).config["num_classes"])
    assert np.array_equal(column.package.state(same)["classifier.bias"], saved["classifier.bias"])


def test_a_reset_classifier_is_the_same_in_every_framework() -> None:
    drawn = [
        column.package.state(
            column.package.reset_classifier(column.load("ghostnet", tensors(), **SMALL), 3, seed=7)
        )["classifier.weight"]
        for column in COLUMNS
    ]

    assert all(np.array_equal(drawn[0], each) for each in drawn)


@every_column
def test_pretrained_weights_of_a_file_are_taken(column: Column, tmp_path: Path) -> None:
    config = configure("ghostnet", {"width": 0.5, "num_classes": 10})
    generator = np.random.default_rng(0)
    own = {s.name: generator.uniform(0.5, 1, s.shape).astype(np.float32) for s in config.tensors()}
    write_file(tmp_path / "weights", "ghostnet", config.to_dict(), own)

    module = column.package.ghostnet_050(pretrained=str(tmp_path / "weights"), num_classes=3)

    state = column.package.state(module)
    assert module.config["num_classes"] == 3
    np.testing.assert_array_equal(state["conv_head.bias"], own["conv_head.bias"])


@every_column
def test_weights_that_nobody_published_are_refused(column: Column) -> None:
    with pytest.raises(ArgumentError, match="no weights of ghostnet_050 are published, only of"):
        column.package.ghostnet_050(pretrained=True)
