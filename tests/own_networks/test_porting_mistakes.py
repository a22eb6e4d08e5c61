"""Mistakes that ports have: the same sentence in every framework, and it says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, Column, in_every_column
from weights import ArgumentError, FileModule, MismatchError, write_modules


def linear_network(column: Column, features: int, *paths: str) -> Any:
    """Linear layers to 8 features at those paths, all inside one part where that has a dot."""
    inside, _, _ = paths[0].rpartition(".")
    names = [path.rpartition(".")[2] for path in paths]
    assert column.package
    if column.name == "ghost_torch":
        from torch import nn

        made: Any = nn.ModuleDict({name: nn.Linear(features, 8) for name in names})
        return nn.ModuleDict({inside: made}) if inside else made
    if column.name == "ghost_jax":
        from flax import nnx

        ones: Any = {"kernel_init": nnx.initializers.ones, "rngs": nnx.Rngs(0)}
        made = nnx.Dict({name: nnx.Linear(features, 8, **ones) for name in names})
        return nnx.Dict({inside: made}) if inside else made
    import keras

    first = keras.Input((features,))
    made = keras.Sequential([first, *(keras.layers.Dense(8, name=name) for name in names)])
    if inside:
        made.name = inside
    return keras.Sequential([first, made]) if inside else made


def norm_network(column: Column) -> Any:
    """A batch normalisation at `norm`."""
    assert column.package
    if column.name == "ghost_torch":
        from torch import nn

        return nn.ModuleDict({"norm": nn.BatchNorm1d(8)})
    if column.name == "ghost_jax":
        from flax import nnx

        return nnx.Dict({"norm": nnx.BatchNorm(8, momentum=0.9, rngs=nnx.Rngs(0))})
    import keras

    norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm")
    return keras.Sequential([keras.Input((8,)), norm])


def linear(path: str, **config: Any) -> FileModule:
    sizes = {"in_features": 8, "out_features": 8, "bias": True}
    tensors = {"weight": np.ones((8, 8), np.float32), "bias": np.ones(8, np.float32)}
    return FileModule(path, "linear", {**sizes, **config}, tensors)


@pytest.fixture
def flattened(tmp_path: Path) -> Path:
    """A linear layer that reads an image of 2 x 2 x 2."""
    path = tmp_path / "flattened.safetensors"
    write_modules(path, [linear("fc", flattened=[2, 2, 2])])
    return path


@in_every_column
def test_a_head_of_another_image_size_is_a_matter_of_features(
    column: Column, flattened: Path
) -> None:
    with pytest.raises(MismatchError) as error:
        column.package.load_weights(linear_network(column, 16, "fc"), flattened)

    assert error.value.problems == ("'fc': `in_features` is 8 in the file and 16 in the network",)


@in_every_column
def test_a_flattened_image_that_meets_another_kind_is_a_matter_of_kinds(
    column: Column, flattened: Path
) -> None:
    with pytest.raises(MismatchError) as error:
        column.package.load_weights(norm_network(column), flattened, by_order=True)

    assert error.value.problems == (
        "'fc' -> 'norm' is a linear in the file and a batch_norm in the network",
    )


@in_every_column
def test_a_flattened_image_of_another_size_is_named_with_its_layer(
    column: Column, flattened: Path
) -> None:
    with pytest.raises(ArgumentError, match=r"^`flatten` of 'fc': .* must have 8 values, got \(2"):
        column.package.load_weights(
            linear_network(column, 8, "fc"), flattened, flatten={"fc": (2, 2, 3)}
        )


@in_every_column
def test_a_whole_network_inside_another_takes_one_renaming(column: Column, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    write_modules(path, [linear("a"), linear("b")])
    network = linear_network(column, 8, "backbone.a", "backbone.b")

    with pytest.raises(MismatchError) as error:
        column.package.load_weights(network, path)

    assert error.value.problems[:2] == (
        "only in the file: 'a' (linear); likely 'backbone.a' (linear): rename={'': 'backbone'}",
        "only in the file: 'b' (linear); likely 'backbone.b' (linear): rename={'': 'backbone'}",
    )
    assert len(column.package.load_weights(network, path, rename={"": "backbone"}).pairs) == 2


@in_every_column
def test_a_renaming_that_would_move_what_is_right_is_not_proposed(
    column: Column, tmp_path: Path
) -> None:
    path = tmp_path / "file.safetensors"
    write_modules(path, [linear("a"), linear("b"), linear("backbone.c")])

    with pytest.raises(MismatchError, match=r"rename=\{'a': 'backbone.a'\}"):
        column.package.load_weights(
            linear_network(column, 8, "backbone.a", "backbone.b", "backbone.c"), path
        )


@in_every_column
def test_a_renaming_that_moves_what_was_right_is_named(column: Column, flattened: Path) -> None:
    with pytest.raises(MismatchError) as error:
        column.package.load_weights(
            linear_network(column, 8, "fc"), flattened, rename={"fc": "head"}
        )

    assert error.value.problems == (
        "only in the file: 'fc' (linear); likely 'fc' (linear), from which `rename` takes it away",
        "only in the network: 'fc' (linear); likely 'fc' of the file",
    )


@pytest.mark.slow
def test_a_form_and_a_classifier_of_the_file_are_told_with_what_helps(tmp_path: Path) -> None:
    nn = pytest.importorskip("torch.nn")
    import ghost_torch

    path = tmp_path / "file.safetensors"
    ghost_torch.save_weights(ghost_torch.deploy(ghost_torch.GhostConv(2, 4).eval()), path)
    with pytest.raises(MismatchError, match="load a file before `deploy`, and a deployed one into"):
        ghost_torch.load_weights(
            nn.ModuleDict({"ghost": ghost_torch.GhostConv(2, 4)}), path, rename={"": "ghost"}
        )
    ghost_torch.save_weights(ghost_torch.GhostResNet20(num_classes=3), path, overwrite=True)
    with pytest.raises(MismatchError) as error:
        ghost_torch.load_weights(
            nn.ModuleDict({"backbone": ghost_torch.GhostResNet20(num_classes=0)}),
            path,
            rename={"": "backbone"},
        )
    assert error.value.problems == (
        "(the whole) -> 'backbone': `num_classes` is 3 in the file and 0 in the network: "
        "`from_file` builds the file's module for any `num_classes`",
    )


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`:UserWarning")
def test_a_layer_normalisation_that_leaves_the_mean_in_is_none(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    import ghost_tf

    scaled = keras.layers.LayerNormalization(rms_scaling=True, name="ln")

    with pytest.raises(ArgumentError, match=r"'ln' .*: its `rms_scaling` leaves the mean in"):
        ghost_tf.save_weights(keras.Sequential([keras.Input((4,)), scaled]), tmp_path / "file")


def test_what_keras_says_of_an_example_is_not_cut_in_the_middle() -> None:
    keras = pytest.importorskip("keras")
    import ghost_tf

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3)])

    with pytest.raises(ArgumentError, match="to have value 3"):
        ghost_tf.replace_convolutions(model, example=np.ones((1, 8, 8, 4), np.float32))


def reshaped(column: Column) -> Any:
    """A linear layer whose matrix is none that its arguments make."""
    made = linear_network(column, 3, "fc")
    if column.name == "ghost_torch":
        import torch

        made["fc"].weight = torch.nn.Parameter(torch.ones(3, 8))
    else:
        made["fc"].kernel.set_value(np.ones((2, 3, 8), np.float32))
    return made


# Keras tells the sizes of a layer by its variables.
@pytest.mark.parametrize("column", COLUMNS[:2], ids=str)
def test_a_layer_whose_tensor_has_another_shape_is_refused(column: Column, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"'fc' .*: its weight has shape \(.*, 8\), "):
        column.package.save_weights(reshaped(column), tmp_path / "file")


def bare_norms(column: Column) -> Any:
    """A layer and a group normalisation without tensors, and a linear layer."""
    made = linear_network(column, 8, "fc")
    if column.name == "ghost_torch":
        from torch import nn

        made["ln"] = nn.LayerNorm(8, elementwise_affine=False)
        made["gn"] = nn.GroupNorm(2, 8, affine=False)
    elif column.name == "ghost_jax":
        from flax import nnx

        bare: Any = {"use_bias": False, "use_scale": False, "rngs": nnx.Rngs(0)}
        made.ln, made.gn = nnx.LayerNorm(8, **bare), nnx.GroupNorm(8, 2, **bare)
    else:
        from keras import layers

        made.add(layers.LayerNormalization(center=False, scale=False))
        made.add(layers.GroupNormalization(2, center=False, scale=False))
    return made


@in_every_column
def test_a_normalisation_without_tensors_is_not_told(column: Column, tmp_path: Path) -> None:
    column.package.save_weights(bare_norms(column), tmp_path / "file")

    report = column.package.load_weights(bare_norms(column), tmp_path / "file")

    assert report.pairs == (("fc", "fc"),)
