"""Each framework reads exports, and writes imports, by its own functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from flax import nnx
from flax.serialization import msgpack_restore, msgpack_serialize

import ghost_jax
import ghost_tf
from weights import GhostError, WeightFile, configure, read_file, write_file
from weights.importers import export_file, import_file
from weights.importers.checkpoints import ENTRY
from weights.importers.containers.flax_state import flatten, module_paths

NETWORK = ("ghostnet", {"width": 0.1, "num_classes": 5})
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    NETWORK,
    ("ghostnetv2", {"width": 0.5, "num_classes": 3}),
    ("ghost_vgg16", {"num_classes": 3}),
    ("ghost_resnet20", {}),
]
pytestmark = [
    pytest.mark.slow,
    # Keras makes NumPy arrays of TensorFlow's variables in a way that NumPy 2 deprecates.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]


@pytest.fixture
def file(tmp_path: Path, random_tensors: Callable[..., Any]) -> WeightFile:
    """A small network."""
    write_file(tmp_path / "file", *NETWORK, random_tensors(configure(*NETWORK)))
    return read_file(tmp_path / "file")


def assert_same(found: dict[str, np.ndarray], file: WeightFile) -> None:
    """Every tensor, bit for bit."""
    assert found.keys() == file.tensors.keys()
    assert all(found[name].tobytes() == array.tobytes() for name, array in file.tensors.items())


@pytest.mark.parametrize(("architecture", "config"), NETWORKS)
def test_the_paths_of_a_flax_state_are_those_of_the_module(
    architecture: str, config: dict[str, Any]
) -> None:
    checked = configure(architecture, config)
    zeros = {spec.name: np.zeros(spec.shape, np.float32) for spec in checked.tensors()}
    module = ghost_jax.weights_io.build(architecture, config, zeros)
    weights = nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat))

    assert set(flatten("state", nnx.to_pure_dict(weights))) == set(
        module_paths(architecture, config).values()
    )


def test_flax_restores_the_pure_dict_of_an_exported_file(tmp_path: Path, file: WeightFile) -> None:
    export_file(file, "flax-msgpack", tmp_path / "net.msgpack")
    tree = msgpack_restore((tmp_path / "net.msgpack").read_bytes())
    tree.pop(ENTRY)
    module = ghost_jax.from_file(tmp_path / "file")
    ghost_jax.set_state(module, {name: np.zeros_like(x) for name, x in file.tensors.items()})
    state = nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat))

    nnx.replace_by_pure_dict(state, nnx.statelib.restore_int_paths(tree))
    nnx.update(module, state)

    assert_same(ghost_jax.state(module), file)


def test_a_state_that_flax_wrote_is_imported(tmp_path: Path, file: WeightFile) -> None:
    module = ghost_jax.from_file(tmp_path / "file")
    tree = nnx.to_pure_dict(nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat)))
    data = msgpack_serialize(_with_names(tree))
    (tmp_path / "net.msgpack").write_bytes(data)

    imported = import_file(tmp_path / "net.msgpack", "flax-msgpack", *NETWORK)

    assert_same(imported.tensors, file)


def test_orbax_restores_the_arrays_of_an_exported_folder(tmp_path: Path, file: WeightFile) -> None:
    import orbax.checkpoint as ocp

    export_file(file, "orbax", tmp_path / "folder")
    with ocp.StandardCheckpointer() as checkpointer:
        tree = checkpointer.restore(tmp_path / "folder" / "state")

    assert set(flatten("tree", tree)) == set(module_paths(*NETWORK).values())


def test_a_folder_that_orbax_wrote_is_imported(tmp_path: Path, file: WeightFile) -> None:
    import orbax.checkpoint as ocp

    module = ghost_jax.from_file(tmp_path / "file")
    state = nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "folder", nnx.to_pure_dict(state))

    imported = import_file(tmp_path / "folder", "orbax", *NETWORK)

    assert_same(imported.tensors, file)


def test_keras_loads_the_weights_of_an_exported_file(tmp_path: Path, file: WeightFile) -> None:
    export_file(file, "keras-h5", tmp_path / "net.weights.h5")
    zeros = {name: np.zeros_like(x) for name, x in file.tensors.items()}
    network = ghost_tf.weights_io.build(*NETWORK, zeros)

    network.load_weights(tmp_path / "net.weights.h5")

    assert_same(ghost_tf.state(network), file)


def test_weights_and_models_that_keras_wrote_are_imported(tmp_path: Path, file: WeightFile) -> None:
    network = ghost_tf.from_file(tmp_path / "file")
    network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    network.save_weights(tmp_path / "net.weights.h5")
    network.save(tmp_path / "net.keras")

    weights = import_file(tmp_path / "net.weights.h5", "keras", *NETWORK)
    model = import_file(tmp_path / "net.keras", "keras")

    assert_same(weights.tensors, file)
    assert_same(model.tensors, file)
    assert (model.architecture, model.config) == (file.architecture, file.config)
    assert model.source["dropped"]["variables that are no weights"] > 0


def test_layers_that_were_saved_in_another_order_are_refused(
    tmp_path: Path, file: WeightFile
) -> None:
    export_file(file, "keras-h5", tmp_path / "net.weights.h5")
    with h5py.File(tmp_path / "net.weights.h5", "a") as content:
        blocks = _first_list(content)
        labels = [content[block]["vars"].attrs["name"] for block in blocks]
        for block, label in zip(blocks, reversed(labels), strict=True):
            content[block]["vars"].attrs["name"] = label

    with pytest.raises(GhostError, match=r"was made before .*another order"):
        import_file(tmp_path / "net.weights.h5", "keras")


def test_a_layer_too_many_is_refused(tmp_path: Path, file: WeightFile) -> None:
    export_file(file, "keras-h5", tmp_path / "net.weights.h5")
    with h5py.File(tmp_path / "net.weights.h5", "a") as content:
        content.create_dataset("extra/vars/0", data=np.zeros(3, np.float32))

    with pytest.raises(GhostError, match="unexpected tensor 'extra/vars/0'"):
        import_file(tmp_path / "net.weights.h5", "keras")


def test_a_keras_model_of_another_kind_is_not_taken_for_ours(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.save(tmp_path / "other.keras")

    with pytest.raises(GhostError, match="does not say which module it is of"):
        import_file(tmp_path / "other.keras", "keras")


def _with_names(tree: Any) -> Any:
    """Integer keys as strings, which is all that msgpack has."""
    if not isinstance(tree, dict):
        return np.asarray(tree)
    return {str(key): _with_names(value) for key, value in tree.items()}


def _first_list(content: h5py.File) -> list[str]:
    """The groups of the bottlenecks in a list, in the order of their positions."""
    found: list[str] = []
    content.visit(lambda name: found.append(name) if name.count("ghost_bottleneck") == 1 else None)
    groups = [name for name in found if "ghost_bottleneck" in name.rpartition("/")[2]]
    return sorted(groups, key=lambda name: int((name.rpartition("k_")[2]) if "k_" in name else 0))
