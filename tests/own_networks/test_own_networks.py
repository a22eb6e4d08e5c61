"""A network of the user's own: from every framework to every other, or refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.columns import COLUMNS, Column, in_every_column, normal, tensors_of
from tests.own_networks.networks import (
    FLATTEN,
    MODULES,
    NETWORKS,
    jax_network,
    keras_network,
    torch_network,
)
from weights import ArgumentError, MismatchError, read_file

# Five float32 digits, for outputs of about 1 after twelve layers.
CLOSE = 1e-5


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of PyTorch's, which says which layer reads flattened images."""
    ghost_torch = pytest.importorskip("ghost_torch")
    path = tmp_path_factory.mktemp("own") / "network.safetensors"
    ghost_torch.save_weights(torch_network(1), path, flatten=FLATTEN)
    return path


@pytest.mark.slow
@in_every_column
def test_a_network_travels_and_the_files_are_the_same(
    column: Column, saved: Path, tmp_path: Path
) -> None:
    package = column.package
    network, path = NETWORKS[column.name](), tmp_path / "again.safetensors"

    report = package.load_weights(network, saved)
    package.save_weights(network, path, flatten=FLATTEN)

    assert sorted(report.pairs) == sorted((name, name) for name in MODULES)
    again, before = read_file(path).metadata, read_file(saved).metadata
    assert again["content_sha256"] == before["content_sha256"]
    if column.name == "ghost_jax":  # merged, it has forgotten the order of its attributes
        assert "order" not in again
        assert before["order"] == list(MODULES)
    else:
        assert path.read_bytes() == saved.read_bytes()


@pytest.mark.slow
def test_a_network_computes_the_same_in_every_framework(saved: Path) -> None:
    import jax.numpy as jnp
    import torch

    for column in COLUMNS:
        assert column.package
    x, words = normal(2, 3, 5, 8), np.array([[1, 2, 3], [4, 0, 1]])
    last = x.transpose(0, 2, 3, 1)
    flax, turned, keras = jax_network(), jax_network(transpose_kernel=True), keras_network()
    for package, network in zip(
        (COLUMNS[1], COLUMNS[1], COLUMNS[2]), (flax, turned, keras), strict=True
    ):
        package.package.load_weights(network, saved)

    wanted = torch_network(1)(torch.from_numpy(x), torch.from_numpy(words)).detach().numpy()

    for network in (flax, turned):
        got = np.asarray(network(jnp.asarray(last), jnp.asarray(words)))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=CLOSE)
    np.testing.assert_allclose(keras(last, words).numpy(), wanted, rtol=0, atol=CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("column", COLUMNS[1:], ids=str)
def test_a_flattened_image_that_nobody_tells_of_is_asked_for(
    column: Column, tmp_path: Path
) -> None:
    path = tmp_path / "silent.safetensors"
    COLUMNS[0].package.save_weights(torch_network(1), path)
    network = NETWORKS[column.name]()
    text = (
        "'fc' reads 90 features, 15 for each of the 6 channels of 'down': say flatten={'fc': (6, "
        "height, width)} with height * width = 15 where it reads a flattened image, whose values "
        "have another order in PyTorch, or flatten={'fc': None}"
    )

    with pytest.raises(MismatchError) as refused_load:
        column.package.load_weights(network, path)
    with pytest.raises(ArgumentError) as refused_save:
        column.package.save_weights(network, tmp_path / "other.safetensors")

    assert refused_load.value.problems == (text,)
    assert str(refused_save.value).endswith(text)
    column.package.load_weights(network, path, flatten=FLATTEN)
    with pytest.raises(ArgumentError, match=r"`flatten` must have 90 values, got \(6, 3, 4\)|90"):
        column.package.load_weights(network, path, flatten={"fc": (6, 3, 4)})
    with pytest.raises(ArgumentError, match="`flatten` must map paths of linear layers"):
        column.package.load_weights(network, path, flatten={"stem": (6, 3, 5)})


@pytest.mark.slow
def test_flattened_columns_are_in_the_order_of_pytorch(saved: Path) -> None:
    network = jax_network()
    COLUMNS[1].package.load_weights(network, saved)

    kernel = np.asarray(network.fc.kernel[...])
    wanted = read_file(saved).tensors["fc.weight"].reshape(8, 6, 3, 5)

    assert np.array_equal(kernel, wanted.transpose(2, 3, 1, 0).reshape(90, 8))


@pytest.mark.slow
@in_every_column
def test_a_file_and_a_caller_that_contradict_each_other_are_refused(
    column: Column, saved: Path
) -> None:
    with pytest.raises(MismatchError) as error:
        column.package.load_weights(NETWORKS[column.name](), saved, flatten={"fc": (6, 5, 3)})

    assert error.value.problems == ("'fc': `flatten` has (6, 5, 3) and the file [6, 3, 5]",)


@pytest.mark.slow
@in_every_column
def test_a_difference_of_one_number_is_named_and_nothing_changes(
    column: Column, saved: Path, tmp_path: Path
) -> None:
    changed, path = NETWORKS[column.name](), tmp_path / "before.safetensors"
    name = "eps" if column.name == "ghost_torch" else "epsilon"
    setattr(changed.norm, name, 1e-3)
    column.package.save_weights(changed, path, flatten=FLATTEN)

    with pytest.raises(MismatchError) as error:
        column.package.load_weights(changed, saved)

    assert error.value.problems == ("'norm': `eps` is 1e-05 in the file and 0.001 in the network",)
    column.package.save_weights(changed, tmp_path / "after", flatten=FLATTEN)
    assert (tmp_path / "after").read_bytes() == path.read_bytes()


@in_every_column
def test_options_of_own_networks_are_refused_for_the_packages(
    column: Column, tmp_path: Path
) -> None:
    config = {"c_in": 3, "c_out": 8}
    layer = column.load("ghost_conv", tensors_of("ghost_conv", **config), **config)
    column.package.save_weights(layer, tmp_path / "layer")

    with pytest.raises(ArgumentError) as error:
        column.package.load_weights(layer, tmp_path / "layer", rename={"a": "b"})

    assert str(error.value) == (
        "`rename` must be left out for a layer or network of this package, got {'a': 'b'}: it is "
        "for networks of your own"
    )


def test_a_training_step_of_a_renamed_network_has_gradients(tmp_path: Path) -> None:
    ghost_torch = pytest.importorskip("ghost_torch")
    from ghost_torch.recording.recorder import Recorder

    network = torch_network(1)
    network.entry = network.stem
    del network.stem
    ghost_torch.save_weights(network, tmp_path / "file", flatten=FLATTEN)
    target, weights = "tests.own_networks.networks:torch_network", str(tmp_path / "file")

    recorder = Recorder(target, weights=weights, rename={"entry": "stem"})
    found = recorder.record([normal(2, 3, 5, 8), np.array([[1, 2, 3], [4, 0, 1]])], training=True)

    assert "no_gradients" not in found
    assert {name for name in found["gradients"] if "." not in name.removeprefix("entry.")} == {
        "entry.weight",
        "entry.bias",
    }
