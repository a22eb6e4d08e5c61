"""Checkpoints with timm's names: the trained network, single modules, and their reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from weights import GhostConvConfig, MismatchError, configure, read_file
from weights.importers import Imported, import_file, write

# What no tensor of any network for CIFAR tells, and a file records.
UNTOLD = {"bn_eps": 1e-5, "bn_momentum": 0.1}
RESNET = UNTOLD | {
    "dropout": 0.0,
    "activation": "relu after both halves of every ghost convolution",
    "shortcut": "every second pixel, padded with zero channels",
}
NETWORK = "trained/ghost_resnet56_cifar10.safetensors"
GHOSTNET = "peers/timm_ghostnet_050.state_dict.safetensors"

Save = Callable[..., Path]


@pytest.fixture
def network(shared: Callable[[str], Path]) -> Imported:
    """The trained network, imported."""
    return import_file(shared(NETWORK), "timm")


def test_the_trained_network_is_recognised(network: Imported) -> None:
    assert (network.architecture, len(network.tensors)) == ("ghost_resnet56", 772)
    assert network.config == configure("ghost_resnet56", {}).to_dict()
    assert network.source == {
        "importer": "timm",
        "dropped": {"num_batches_tracked": 165},
        "assumed": RESNET | {"preprocess": "CIFAR-10", "classes": "CIFAR-10"},
    }


def test_the_trained_network_keeps_every_bit(
    network: Imported, shared: Callable[[str], Path], tmp_path: Path
) -> None:
    write(network, tmp_path / "network")
    file = read_file(tmp_path / "network")

    for name, array in load_file(shared(NETWORK)).items():
        if not name.endswith("num_batches_tracked"):
            canonical = name.replace("cheap_operation", "cheap_conv")
            assert file.tensors[canonical].tobytes() == array.tobytes()


def test_origin_preprocessing_and_classes_are_written(network: Imported, tmp_path: Path) -> None:
    write(network, tmp_path / "network")
    metadata = read_file(tmp_path / "network").metadata

    assert metadata["source"] == network.source
    assert metadata["preprocess"] == network.preprocess
    assert metadata["classes"] == list(network.classes or ())


def test_the_preprocessing_of_cifar_10_is_assumed(network: Imported) -> None:
    assert network.preprocess == {
        "divide_by": 255.0,
        "mean": [0.4914, 0.4822, 0.4465],
        "std": [0.2023, 0.1994, 0.2010],
        "layout": "NHWC",
    }
    assert network.classes is not None and network.classes[3] == "cat"


def test_no_preprocessing_is_assumed_where_it_is_turned_off(shared: Callable[[str], Path]) -> None:
    imported = import_file(shared(NETWORK), "timm", assume_preprocess=False)

    assert (imported.preprocess, imported.classes) == (None, None)
    assert imported.source["assumed"] == RESNET


def test_a_network_of_other_classes_has_no_assumed_preprocessing(
    save: Save, random_tensors: Callable[..., Any]
) -> None:
    config = configure("ghost_resnet20", {"num_classes": 7, "in_chans": 1, "dw_kernel_size": 5})
    tensors = {
        name.replace("cheap_conv", "cheap_operation"): array
        for name, array in random_tensors(config).items()
    }

    imported = import_file(save(tensors), "timm")

    assert (imported.architecture, imported.config) == ("ghost_resnet20", config.to_dict())
    assert (imported.preprocess, imported.classes) == (None, None)
    assert imported.source["assumed"] == RESNET


@pytest.mark.parametrize(
    "path", ["blocks.0.0.ghost1", "blocks.3.0.ghost2", "blocks.6.4.ghost1", "blocks.8.0.ghost2"]
)
def test_a_ghost_module_of_timm_is_imported(
    shared: Callable[[str], Path], save: Save, path: str
) -> None:
    prefix = f"{path}."
    tensors = {
        name.removeprefix(prefix): array
        for name, array in load_file(shared(GHOSTNET)).items()
        if name.startswith(prefix)
    }

    imported = import_file(save(tensors), "timm")

    primary, cheap = (tensors[f"{half}.0.weight"] for half in ("primary_conv", "cheap_operation"))
    assert (
        imported.config
        == GhostConvConfig(primary.shape[1], len(primary) + len(cheap), split="ceil").to_dict()
    )
    assert imported.tensors["cheap_conv.0.weight"].tobytes() == cheap.tobytes()
    assert imported.source["assumed"] == UNTOLD | {
        "stride": 1,
        "padding": 0,
        "activation": "relu",
        "c_out": len(primary) + len(cheap),
    }


def test_every_wrong_tensor_is_in_one_report_under_its_own_name(
    save: Save, random_tensors: Callable[..., Any]
) -> None:
    tensors = {
        name.replace("cheap_conv", "cheap_operation"): array
        for name, array in random_tensors(configure("ghost_conv", {"c_in": 4, "c_out": 6})).items()
    }
    del tensors["cheap_operation.1.bias"]
    tensors |= {"primary_conv.1.bias": np.zeros(9, np.float32), "head.weight": np.zeros(1)}

    with pytest.raises(MismatchError) as caught:
        import_file(save(tensors), "timm")

    assert caught.value.problems == (
        "missing tensor 'cheap_operation.1.bias' of shape (3,)",
        "unexpected tensor 'head.weight'",
        "tensor 'primary_conv.1.bias' must have shape (3,), got (9,)",
    )


def test_a_plain_stem_is_recognised(save: Save, random_tensors: Callable[..., Any]) -> None:
    config = configure("ghost_resnet20", {"plain_stem": True})
    tensors = random_tensors(config)
    path = save({name.replace("cheap_conv", "cheap_operation"): x for name, x in tensors.items()})

    imported = import_file(path, "timm")

    assert (imported.architecture, imported.config) == ("ghost_resnet20", config.to_dict())
    assert imported.source["assumed"].keys() == {*RESNET, "preprocess", "classes"}
