"""GhostNet checkpoints of timm, Huawei, d-li14 and ultralytics, read and written back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.reference_files import reference_file
from weights import ImportRefused, MismatchError, configure, read_file, write_file
from weights.importers import IMPORTERS, export_tensors, import_file, write
from weights.importers.gates import convert_gates

TIMM = ["ghostnet", "ghostnetv2", "ghostnetv3"]
WIDTHS = [0.5, 1.0, 1.1, 1.3, 1.6, 0.35]
# Wherever a network is small in tests.
SMALL = {"width": 0.25, "num_classes": 3}
STRIDED = {"c_in": 16, "c_mid": 16, "c_out": 32, "kernel_size": 5, "stride": 2}
EXPORTED = [
    ("timm", "ghostnet", SMALL),
    ("timm", "ghostnetv2", SMALL | {"width": 1.3}),
    ("timm", "ghostnetv3", SMALL),
    ("timm", "ghostnetv3", SMALL | {"form": "deployed"}),
    ("huawei", "ghostnet", SMALL | {"in_chans": 1}),
    ("huawei", "ghostnetv2", SMALL | {"num_classes": 0}),
    ("huawei", "ghostnetv3", SMALL),
    ("ultralytics", "ghost_conv", {"c_in": 16, "c_out": 32, "kernel_size": 3, "padding": 1}),
    ("ultralytics", "ghost_bottleneck", {"c_in": 16, "c_mid": 8, "c_out": 16}),
    ("ultralytics", "ghost_bottleneck", STRIDED),
    ("ultralytics", "c3_ghost", {"c1": 32, "c2": 32, "n": 2}),
]
YOLO = {
    "split": "floor",
    "dw_kernel_size": 5,
    "activation": "silu",
    "bn_eps": 1e-3,
    "bn_momentum": 0.03,
}

Make = Callable[..., dict[str, np.ndarray]]


def timm_file(name: str) -> Path:
    return reference_file(f"peers/timm_{name}_050.state_dict.safetensors")


def foreign(importer: str, architecture: str, config: dict[str, Any], tensors: Any) -> Any:
    """The tensors under an importer's own names."""
    rules = IMPORTERS[importer]
    return {rules.foreign_name(name): array for name, array in tensors.items()}


def saved(path: Path, tensors: dict[str, np.ndarray]) -> Path:
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    return path


def d_li14(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Canonical tensors as d-li14's class has them: linear layers, the gate clip(x, 0, 1)."""
    linear = (".fc.0.weight", ".fc.2.weight", "classifier.0.weight")
    renamed = foreign("d-li14", "ghostnet", {}, tensors)
    flat = {
        name: array[:, :, 0, 0] if name.endswith(linear) else array
        for name, array in renamed.items()
    }
    clip = {name: array / 6 for name, array in flat.items() if name.endswith(".fc.2.weight")}
    clip |= {name: array / 6 + 0.5 for name, array in flat.items() if name.endswith(".fc.2.bias")}
    return flat | clip


@pytest.mark.parametrize("name", TIMM)
def test_timms_network_is_recognised_by_its_tensors(name: str) -> None:
    imported = import_file(timm_file(name), "timm")

    assert imported.architecture == name
    assert (imported.config["width"], imported.config["num_classes"]) == (0.5, 10)


@pytest.mark.parametrize("name", TIMM)
def test_timms_tensors_come_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    source = load_file(timm_file(name))
    write(import_file(timm_file(name), "timm"), tmp_path / "file")

    exported = export_tensors(read_file(tmp_path / "file"), "timm")

    kept = {key: array for key, array in source.items() if "num_batches_tracked" not in key}
    assert exported.keys() == kept.keys()
    assert [key for key in kept if exported[key].tobytes() != kept[key].tobytes()] == []


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("version", TIMM)
def test_the_width_is_read_from_the_shapes(
    version: str, width: float, tmp_path: Path, random_tensors: Make
) -> None:
    tensors = random_tensors(configure(version, {"width": width, "num_classes": 3}), np.float16)
    path = saved(tmp_path / "foreign.safetensors", foreign("timm", version, {}, tensors))

    assert import_file(path, "timm").config["width"] == width


def test_a_width_that_no_network_has_is_refused(tmp_path: Path, random_tensors: Make) -> None:
    tensors = random_tensors(configure("ghostnet", SMALL))
    tensors["conv_stem.weight"] = np.zeros((5, 3, 3, 3), np.float32)
    path = saved(tmp_path / "foreign.safetensors", foreign("timm", "ghostnet", {}, tensors))

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "timm")

    assert str(caught.value) == (
        "no width of GhostNet has 5 channels in the stem and 240 in the last convolution: give it "
        "with --config '{\"width\": ...}' if it is one"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("importer", "architecture", "config"), EXPORTED)
def test_an_export_and_the_matching_import_give_the_same_content(
    importer: str,
    architecture: str,
    config: dict[str, Any],
    tmp_path: Path,
    random_tensors: Make,
) -> None:
    if importer == "ultralytics":
        config = (YOLO if architecture != "c3_ghost" else {}) | config
    tensors = random_tensors(configure(architecture, config))
    write_file(tmp_path / "file", architecture, configure(architecture, config).to_dict(), tensors)
    file = read_file(tmp_path / "file")

    path = saved(tmp_path / "foreign.safetensors", export_tensors(file, importer))
    write(import_file(path, importer), tmp_path / "again")

    again = read_file(tmp_path / "again")
    assert again.metadata["content_sha256"] == file.metadata["content_sha256"]


def test_huaweis_branches_have_their_own_names(tmp_path: Path, random_tensors: Make) -> None:
    tensors = random_tensors(configure("ghostnetv3", SMALL))
    names = foreign("huawei", "ghostnetv3", {}, tensors)

    assert "blocks.0.0.ghost1.primary_rpr_conv.0.bn.weight" in names
    assert "blocks.9.0.bn1.weight" in names


def test_what_profilers_and_counters_left_is_dropped_and_reported(
    tmp_path: Path, random_tensors: Make
) -> None:
    tensors = foreign("huawei", "ghostnetv2", {}, random_tensors(configure("ghostnetv2", SMALL)))
    extra = {
        "total_ops": np.zeros(1),
        "blocks.0.0.total_params": np.zeros(1),
        "bn1.num_batches_tracked": np.zeros((), np.int64),
    }
    wrapped = {f"module.{name}": array for name, array in (tensors | extra).items()}

    imported = import_file(saved(tmp_path / "foreign.safetensors", wrapped), "huawei")

    assert imported.source["prefix"] == "module."
    assert imported.source["dropped"] == {
        "total_ops": 1,
        "total_params": 1,
        "num_batches_tracked": 1,
    }


def test_huaweis_tensorflow_checkpoint_is_refused_with_every_reason(tmp_path: Path) -> None:
    names = {"MobileNetV2/Conv2d_0/W:0": np.zeros(1, np.float32)}

    with pytest.raises(ImportRefused) as caught:
        import_file(saved(tmp_path / "model.safetensors", names), "huawei")

    assert str(caught.value) == (
        f"{tmp_path / 'model.safetensors'} is Huawei's TensorFlow GhostNet, which is another "
        "function than the PyTorch one:\n"
        "  - its padding SAME puts the odd row and column of zeros at the end: at stride 2 it sees "
        "other positions than symmetric padding at every even size, and no weights undo that\n"
        "  - its gate is clip(x, 0, 1), not relu6(x + 3) / 6 (weights could be converted)\n"
        "  - its squeeze-and-excitation has c // 4 channels, not the next multiple of 4 (a "
        "configuration)\n"
        "  - its head has batch normalisation instead of a bias (a configuration)\n"
        "use the PyTorch checkpoint of the same repository, or timm's"
    )


@pytest.mark.parametrize("name", ["model.ckpt-100.index", "m.data-00000-of-00001", "graph.pb"])
def test_a_tensorflow_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImportRefused, match="is Huawei's TensorFlow GhostNet"):
        import_file(tmp_path / name, "huawei")


def test_d_li14s_differences_become_configuration(tmp_path: Path, random_tensors: Make) -> None:
    config = SMALL | {
        "head": "norm",
        "se_rounding": "floor",
        "shortcut_kernel_size": 3,
        "shortcut_activation": "relu",
    }
    tensors = random_tensors(configure("ghostnet", config), np.float64)
    path = saved(tmp_path / "foreign.safetensors", d_li14(tensors))

    imported = import_file(path, "d-li14")

    assert imported.config == configure("ghostnet", config).to_dict()
    assert imported.source["gate"] == "converted from clip01"
    for name, array in tensors.items():
        np.testing.assert_allclose(imported.tensors[name], array, rtol=1e-14, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("width", [0.5, 1.0, 1.3])
def test_d_li14s_width_is_read_from_the_shapes(
    width: float, tmp_path: Path, random_tensors: Make
) -> None:
    config = {"width": width, "head": "norm", "se_rounding": "floor", "shortcut_kernel_size": 3}
    tensors = random_tensors(configure("ghostnet", config))
    path = saved(tmp_path / "foreign.safetensors", d_li14(tensors))

    assert import_file(path, "d-li14").config["width"] == width


def test_what_is_not_d_li14s_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "foreign.safetensors", {"conv_stem.weight": np.zeros(1, np.float32)})

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "d-li14")

    assert str(caught.value) == (
        f"{path} must hold d-li14's GhostNet, with a tensor "
        "'features.1.conv.0.primary_conv.0.weight', got none"
    )


@pytest.mark.parametrize("gate", ["clip01", "keras2"])
@pytest.mark.parametrize("z", [-9.0, -3.0, -2.5, -0.2, 0.0, 0.3, 1.0, 2.5, 3.1, 40.0])
def test_a_converted_gate_is_the_foreign_one(gate: str, z: float) -> None:
    foreign_gates = {
        "clip01": np.clip(z, 0, 1),
        "keras2": np.clip(0.2 * z + 0.5, 0, 1),
    }
    (converted,) = convert_gates({"se.conv_expand.bias": np.array(z)}, gate).values()

    assert np.clip(converted + 3, 0, 6) / 6 == pytest.approx(foreign_gates[gate], abs=1e-15)


def test_a_gate_that_is_given_converts_the_last_convolution_alone(
    tmp_path: Path, random_tensors: Make
) -> None:
    tensors = random_tensors(configure("ghostnet", SMALL), np.float64)
    path = saved(tmp_path / "foreign.safetensors", foreign("timm", "ghostnet", {}, tensors))

    imported = import_file(path, "timm", gate="keras2")

    changed = [
        name for name in tensors if not np.array_equal(imported.tensors[name], tensors[name])
    ]
    assert changed and all("se.conv_expand" in name for name in changed)


def test_a_sigmoid_gate_is_refused(tmp_path: Path, random_tensors: Make) -> None:
    tensors = random_tensors(configure("ghostnet", SMALL))
    path = saved(tmp_path / "foreign.safetensors", foreign("timm", "ghostnet", {}, tensors))

    with pytest.raises(ImportRefused, match="the gate sigmoid is not piecewise linear"):
        import_file(path, "timm", gate="sigmoid")


def test_ultralytics_modules_are_recognised(tmp_path: Path) -> None:
    path = reference_file("peers/ultralytics_modules.safetensors")
    with safe_open(path, "np") as file:
        cases = json.loads(file.metadata()["cases"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    found = []
    for case in cases:
        prefix = f"{case['id']}/weights/"
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        found.append(import_file(saved(tmp_path / "foreign.safetensors", own), "ultralytics"))

    assert [imported.architecture for imported in found] == [
        *["ghost_conv"] * 3,
        *["ghost_bottleneck"] * 2,
        "c3_ghost",
    ]
    assert all(imported.config["bn_eps"] == 1e-3 for imported in found)


FUSED = [
    ("ghost_conv", {"c_in": 8, "c_out": 16}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 8, "c_out": 16, "stride": 2}),
    ("c3_ghost", {"c1": 8, "c2": 16}),
]


@pytest.mark.parametrize(("architecture", "config"), FUSED)
def test_a_fused_module_is_imported_in_its_form(
    save: Callable[..., Path], random_tensors: Callable[..., Any], architecture: str,
    config: dict[str, Any],
) -> None:  # fmt: skip
    own = {} if architecture == "c3_ghost" else {"split": "floor", "dw_kernel_size": 5}
    fused = random_tensors(configure(architecture, {"form": "folded", **own, **config}), np.float16)
    rules = IMPORTERS["ultralytics"]

    imported = import_file(save({rules.foreign_name(n): x for n, x in fused.items()}), rules.name)

    assert (imported.architecture, imported.config["form"]) == (architecture, "folded")
    assert all(imported.tensors[name].tobytes() == x.tobytes() for name, x in fused.items())
    assert imported.source["assumed"]["bn_eps"] == 1e-3


def test_tensors_of_two_modules_are_refused_by_name(tmp_path: Path) -> None:
    kernel = np.zeros((4, 8, 1, 1), np.float32)
    tensors = {"primary_conv.0.weight": kernel, "primary_rpr_conv.0.conv.weight": kernel}
    path = saved(tmp_path / "foreign.safetensors", tensors)

    with pytest.raises(ImportRefused, match="got ghost_conv, ghost_conv_v3: name it with"):
        import_file(path, "timm")


def test_every_wrong_tensor_of_a_network_is_in_one_report(
    tmp_path: Path, random_tensors: Make
) -> None:
    tensors = foreign("timm", "ghostnet", {}, random_tensors(configure("ghostnet", SMALL)))
    del tensors["conv_head.bias"]
    tensors["blocks.3.0.se.conv_reduce.bias"] = np.zeros(5, np.float32)
    path = saved(tmp_path / "foreign.safetensors", tensors)

    with pytest.raises(MismatchError) as caught:
        import_file(path, "timm")

    assert caught.value.problems == (
        "missing tensor 'conv_head.bias' of shape (1280,)",
        "tensor 'blocks.3.0.se.conv_reduce.bias' must have shape (8,), got (5,)",
    )


def test_a_network_of_1000_classes_gets_the_preprocessing_of_imagenet(
    tmp_path: Path, random_tensors: Make
) -> None:
    tensors = random_tensors(configure("ghostnet", {"width": 0.25}))
    path = saved(tmp_path / "foreign.safetensors", foreign("timm", "ghostnet", {}, tensors))

    imported = import_file(path, "timm")

    assert imported.preprocess is not None and imported.preprocess["crop"] == 224
    assert imported.source["assumed"]["preprocess"] == "ImageNet"
