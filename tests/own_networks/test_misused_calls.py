"""Calls on networks of users that can mean nothing, or something else than they seem to."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, Column, in_every_column, tensors_of
from tests.own_networks.test_porting_mistakes import linear, linear_network
from weights import ArgumentError, FileModule, MismatchError, write_modules

GHOST = {"c_in": 3, "c_out": 8}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A GhostConv and a linear layer."""
    path = tmp_path / "file.safetensors"
    ghost = FileModule("body", "ghost_conv", GHOST, tensors_of("ghost_conv", **GHOST))
    write_modules(path, [ghost, linear("fc")])
    return path


@in_every_column
def test_a_module_of_a_users_network_goes_into_one_of_the_package_by_its_path(
    column: Column, file: Path
) -> None:
    layer = column.load("ghost_conv", tensors_of("ghost_conv", seed=1, **GHOST), **GHOST)

    with pytest.raises(MismatchError) as error:
        column.package.load_weights(layer, file)
    report = column.package.load_weights(layer, file, rename={"body": ""}, allow_missing=["fc.*"])

    assert error.value.problems == (
        "only in the file: 'body' (ghost_conv); likely (the whole) (ghost_conv): "
        "rename={'body': ''}",
        "only in the file: 'fc' (linear)",
        "only in the network: (the whole) (ghost_conv); likely 'body' of the file",
    )
    assert report.pairs == (("body", ""),)
    for name, array in tensors_of("ghost_conv", **GHOST).items():
        np.testing.assert_array_equal(column.package.state(layer)[name], array)


@in_every_column
def test_a_load_of_nothing_is_refused(column: Column, file: Path) -> None:
    network = linear_network(column, 8, "other")

    with pytest.raises(ArgumentError, match=r"^`allow_missing` leaves nothing to load, got \['\*'"):
        column.package.load_weights(network, file, allow_missing=["*"])


@in_every_column
def test_calls_for_modules_of_the_package_say_which_take_others(column: Column) -> None:
    network = linear_network(column, 8, "fc")

    for call in (column.package.state, lambda it: column.package.reset_classifier(it, 3)):
        with pytest.raises(ArgumentError, match="save_weights, load_weights and deploy alone take"):
            call(network)
    with pytest.raises(ArgumentError, match=r"^`form` must be one of deployed, folded, got 'foo'$"):
        column.package.deploy(network, "foo")


@in_every_column
@pytest.mark.parametrize("path", [None, 3, b"file"], ids=str)
def test_what_is_no_path_is_refused(column: Column, path: Any) -> None:
    network = linear_network(column, 8, "fc")

    for call in (column.package.save_weights, column.package.load_weights):
        with pytest.raises(ArgumentError, match=r"^`path` must be a string or a path, got "):
            call(network, path)


@pytest.mark.parametrize(
    "name", ["parallel", "average", "inside", pytest.param("compiled", marks=pytest.mark.slow)]
)
def test_wrappers_of_pytorch_leave_the_paths_as_they_are(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from torch import nn
    from torch.optim.swa_utils import AveragedModel

    import ghost_torch

    wraps = {
        "parallel": nn.DataParallel,
        "average": AveragedModel,
        "compiled": partial(torch.compile, backend="eager"),
        "inside": lambda net: nn.ModuleDict({"a": nn.DataParallel(net["a"])}),
    }
    plain = nn.ModuleDict({"a": nn.Linear(2, 3)})
    wrapped = wraps[name](nn.ModuleDict({"a": nn.Linear(2, 3)}))

    ghost_torch.save_weights(plain, tmp_path / "plain")
    ghost_torch.load_weights(wrapped, tmp_path / "plain")
    ghost_torch.save_weights(wrapped, tmp_path / "wrapped")

    assert (tmp_path / "wrapped").read_bytes() == (tmp_path / "plain").read_bytes()


def test_a_network_inside_a_transformation_of_jax_is_refused_in_words(
    file: Path, tmp_path: Path
) -> None:
    nnx = pytest.importorskip("flax.nnx")
    import ghost_jax

    network = linear_network(COLUMNS[1], 8, "fc")

    def save(network: Any) -> None:
        ghost_jax.save_weights(network, tmp_path / "traced")

    def load(network: Any) -> None:
        ghost_jax.load_weights(network, file, allow_missing=["body.*"])

    for call in (save, load):
        with pytest.raises(ArgumentError, match="got one inside jit, grad or another"):
            nnx.jit(call)(network)


def test_a_batch_normalisation_of_flax_along_another_axis_is_refused(tmp_path: Path) -> None:
    nnx = pytest.importorskip("flax.nnx")
    import ghost_jax

    network = nnx.Dict(norm=nnx.BatchNorm(8, axis=1, rngs=nnx.Rngs(0)))

    with pytest.raises(ArgumentError, match="its `axis` is 1, where that of the channels is -1"):
        ghost_jax.save_weights(network, tmp_path / "file")


KERAS_LAYERS = [
    ("BatchNormalization", {"axis": 1}, 1),
    ("BatchNormalization", {"axis": 3}, 3),
    ("LayerNormalization", {"axis": -1}, 3),
    ("LayerNormalization", {"axis": 2}, 2),
    ("GroupNormalization", {"groups": 2, "axis": 1}, 1),
    ("PReLU", {"shared_axes": (2, 3)}, 1),
    ("PReLU", {"shared_axes": (1, 2)}, 3),
]


@pytest.mark.parametrize(("name", "options", "axis"), KERAS_LAYERS)
def test_a_layer_of_keras_must_work_along_the_channels_of_its_network(
    name: str, options: dict[str, Any], axis: int, tmp_path: Path
) -> None:
    keras = pytest.importorskip("keras")
    import ghost_tf

    for data_format, right in (("channels_first", 1), ("channels_last", 3)):
        conv = keras.layers.Conv2D(4, 1, data_format=data_format, name="conv")
        layer = getattr(keras.layers, name)(**options, name="it")
        network = keras.Sequential([keras.Input((4, 4, 4)), conv, layer])
        if axis == right:
            ghost_tf.save_weights(network, tmp_path / data_format)
            continue
        text = f"'it' .*: it works along axis {axis} of 4, where the channels are axis {right}$"
        with pytest.raises(ArgumentError, match=text):
            ghost_tf.save_weights(network, tmp_path / data_format)


@pytest.mark.parametrize(
    ("images", "other", "sizes"),
    [
        ("channels_first", "channels_last", (4, 3, 2)),
        ("channels_last", "channels_first", (4, 4, 3)),
    ],
)
def test_a_flatten_of_keras_must_know_the_order_of_its_images(
    images: str, other: str, sizes: tuple[int, ...], tmp_path: Path
) -> None:
    keras = pytest.importorskip("keras")
    import ghost_tf

    def network(data_format: str) -> Any:
        conv = keras.layers.Conv2D(4, 1, data_format=images, name="conv")
        flatten = keras.layers.Flatten(data_format=data_format, name="flat")
        return keras.Sequential(
            [keras.Input((4, 3, 2)), conv, flatten, keras.layers.Dense(2, name="fc")]
        )

    ghost_tf.save_weights(network(images), tmp_path / "file", flatten={"fc": sizes})
    with pytest.raises(ArgumentError, match=r"'flat' .*: its data_format must be that of "):
        ghost_tf.save_weights(network(other), tmp_path / "other", flatten={"fc": sizes})
