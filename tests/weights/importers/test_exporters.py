"""Exporters: the inverse of the importers, and no state dict that means something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from weights import GhostError, configure, read_file, write_file
from weights.importers import export_file, export_tensors, import_file, write

NETWORK = "trained/ghost_resnet56_cifar10.safetensors"
SEED_LAYERS = [
    {"c_in": 3, "c_out": 16, "kernel_size": [3, 5], "stride": 2, "padding": [1, 2]},
    {"c_in": 4, "c_out": 12, "ratio": 3, "dw_kernel_size": 5},
    {"c_in": 4, "c_out": 6, "ratio": 0.5},
    {"c_in": 4, "c_out": 7, "ratio": 1},
]
TIMM_LAYERS = [
    {"c_in": 3, "c_out": 16, "kernel_size": 3, "stride": 2, "padding": 1, "split": "ceil"},
    {"c_in": 4, "c_out": 7, "ratio": 3, "activation": "identity", "split": "ceil"},
]
LAYERS = [("seed", layer) for layer in SEED_LAYERS] + [("timm", layer) for layer in TIMM_LAYERS]


@pytest.fixture
def written(tmp_path: Path, random_tensors: Callable[..., Any]) -> Callable[..., Any]:
    """Write a file and read it back."""

    def make(architecture: str, config: dict[str, Any]) -> Any:
        tensors = random_tensors(configure(architecture, config))
        write_file(tmp_path / "file", architecture, config, tensors)
        return read_file(tmp_path / "file")

    return make


@pytest.mark.parametrize(("importer", "config"), LAYERS)
def test_an_exported_layer_is_imported_bit_for_bit(
    tmp_path: Path, written: Callable[..., Any], importer: str, config: dict[str, Any]
) -> None:
    file = written("ghost_conv", config)
    save_file(export_tensors(file, importer), tmp_path / "foreign.safetensors")

    imported = import_file(tmp_path / "foreign.safetensors", importer, config=config)

    assert (imported.architecture, imported.config) == ("ghost_conv", file.config)
    assert {name: array.tobytes() for name, array in imported.tensors.items()} == {
        name: array.tobytes() for name, array in file.tensors.items()
    }


def test_an_imported_network_is_exported_bit_for_bit(
    shared: Callable[[str], Path], tmp_path: Path
) -> None:
    original = load_file(shared(NETWORK))
    write(import_file(shared(NETWORK), "timm"), tmp_path / "network")

    exported = export_tensors(read_file(tmp_path / "network"), "timm")

    assert {name: array.tobytes() for name, array in exported.items()} == {
        name: array.tobytes()
        for name, array in original.items()
        if not name.endswith("num_batches_tracked")
    }


def test_the_layers_of_timm_have_its_names(written: Callable[..., Any]) -> None:
    exported = export_tensors(written("ghost_conv", TIMM_LAYERS[0]), "timm")

    assert [name for name in exported if "running_var" in name] == [
        "primary_conv.1.running_var",
        "cheap_operation.1.running_var",
    ]


@pytest.mark.parametrize(
    ("importer", "changed", "text"),
    [
        ("seed", {"c_out": 5}, "it has no crop of 2 + 4 channels to 5"),
        ("seed", {"activation": "silu"}, "its `activation` is always 'relu', the file has 'silu'"),
        ("seed", {"groups": 2}, "its `groups` is always 1, the file has 2"),
        ("seed", {"dilation": 2}, "its `dilation` is always (1, 1), the file has (2, 2)"),
        ("seed", {"dw_dilation": 2}, "its `dw_dilation` is always 1, the file has 2"),
        ("seed", {"bias": True}, "its `bias` is always False, the file has True"),
        ("timm", {"bias": True}, "its `bias` is always False, the file has True"),
        ("seed", {"bn_eps": 1e-3}, "its `bn_eps` is always 1e-05, the file has 0.001"),
        ("timm", {"padding": 1}, "its `padding` is always (0, 0), the file has (1, 1)"),
        ("timm", {"c_out": 9}, "it never divides 9 channels into 4 + 8"),
    ],
)
def test_a_layer_that_the_foreign_class_cannot_be_is_refused(
    written: Callable[..., Any], importer: str, changed: dict[str, Any], text: str
) -> None:
    file = written("ghost_conv", {"c_in": 8, "c_out": 8} | changed)

    with pytest.raises(GhostError) as caught:
        export_tensors(file, importer)

    assert str(caught.value) == f"a state dict of {importer} cannot say what the file says: {text}"


@pytest.mark.parametrize(
    ("architecture", "changed", "text"),
    [
        ("ghost_bottleneck", {"ratio": 3}, "its `ratio` is always 2, the file has 3"),
        ("ghost_bottleneck", {"dilation": 2}, "its `dilation` is always 1, the file has 2"),
        (
            "ghost_bottleneck",
            {"shortcut_kernel_size": 5},
            "its `shortcut_kernel_size` is always 3, the file has 5",
        ),
        ("ghost_bottleneck", {"branches": 2}, "its `branches` is always 3, the file has 2"),
        ("ghost_conv_v3", {"branches": 1}, "its `branches` is always 3, the file has 1"),
        (
            "ghost_conv_v3",
            {"c_out": 8},
            "its primary half has no branch without a convolution, the file has one",
        ),
    ],
)
def test_a_layer_that_timm_cannot_be_is_refused(
    written: Callable[..., Any], architecture: str, changed: dict[str, Any], text: str
) -> None:
    layer = {"c_in": 4, "c_out": 12} | ({"c_mid": 16} if "bottleneck" in architecture else {})

    with pytest.raises(GhostError) as caught:
        export_tensors(written(architecture, layer | changed), "timm")

    assert str(caught.value) == f"a state dict of timm cannot say what the file says: {text}"


def test_a_network_is_not_exported_to_the_seed(written: Callable[..., Any]) -> None:
    file = written("ghost_resnet20", {})

    with pytest.raises(GhostError) as caught:
        export_tensors(file, "seed")

    assert str(caught.value) == "seed has ghost_conv only, the file holds a ghost_resnet20"


def test_a_network_whose_channels_timm_divides_otherwise_is_refused(
    written: Callable[..., Any],
) -> None:
    file = written("ghost_resnet20", {"ratio": 3})

    with pytest.raises(GhostError) as caught:
        export_tensors(file, "timm")

    assert "it never divides 16 channels into 5 + 15" in str(caught.value)


def test_an_export_leaves_the_tensors_of_the_file_alone(written: Callable[..., Any]) -> None:
    file = written("ghost_conv", SEED_LAYERS[0])
    exported = export_tensors(file, "seed")

    assert exported is not file.tensors
    np.testing.assert_array_equal(
        exported["primary_conv.0.weight"], file.tensors["primary_conv.0.weight"]
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_an_export_has_the_same_bytes_every_time(
    tmp_path: Path, written: Callable[..., Any], suffix: str
) -> None:
    file, target = written("ghost_conv", SEED_LAYERS[1]), tmp_path / f"export{suffix}"

    found = set()
    for _ in range(8):  # two strings of metadata come in a random order from safetensors
        export_file(file, "seed", target, overwrite=True)
        found.add(target.read_bytes())

    assert len(found) == 1


def test_pytorch_passes_over_what_an_export_says_of_itself(
    tmp_path: Path, written: Callable[..., Any]
) -> None:
    torch = pytest.importorskip("torch")
    import ghost_torch

    file = written("ghost_conv", SEED_LAYERS[1])
    export_file(file, "seed", tmp_path / "layer.pth")
    layer = ghost_torch.GhostConv(**SEED_LAYERS[1])

    loaded = torch.load(tmp_path / "layer.pth", weights_only=True)
    layer.load_state_dict(loaded, strict=True)

    assert list(loaded) == list(file.tensors)
    assert all(
        torch.equal(layer.state_dict()[name], torch.from_numpy(array))
        for name, array in file.tensors.items()
    )


@pytest.mark.parametrize("suffix", [".unknown", ".npz", ".h5"])
def test_a_suffix_that_says_something_else_is_refused(
    tmp_path: Path, written: Callable[..., Any], suffix: str
) -> None:
    target = tmp_path / f"layer{suffix}"

    with pytest.raises(GhostError) as caught:
        export_file(written("ghost_conv", SEED_LAYERS[1]), "seed", target)

    assert str(caught.value) == (
        "a state dict is written as one of .safetensors, .pt, .pth, .pth.tar, .bin, .ckpt, got "
        f"{target}: other tools tell the kind of a file by its suffix"
    )


def test_what_was_trained_on_elsewhere_is_read_from_names_and_shapes(
    tmp_path: Path, written: Callable[..., Any]
) -> None:
    file = written("ghost_conv", TIMM_LAYERS[1])
    export_file(file, "timm", tmp_path / "layer.safetensors")
    save_file(load_file(tmp_path / "layer.safetensors"), tmp_path / "anew.safetensors")

    described = import_file(tmp_path / "layer.safetensors", "timm")
    anew = import_file(tmp_path / "anew.safetensors", "timm")

    assert (described.config, described.source["assumed"]) == (file.config, {})
    assert anew.config["c_out"] == anew.source["assumed"]["c_out"] == 9  # cropped to 7 before
