"""Files of PyTorch: tensors are read, anything that could run code is not."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from weights import FormatError, ImportRefused, configure
from weights.files.digests import dtype_name
from weights.importers import import_file

PRIMARY = "primary_conv.0.weight"


@pytest.fixture
def tensors(random_tensors: Callable[..., Any]) -> dict[str, np.ndarray]:
    """The tensors of a small layer."""
    return random_tensors(configure("ghost_conv", {"c_in": 4, "c_out": 6}))


@pytest.fixture
def torch() -> Any:
    """PyTorch, which only these tests need."""
    return pytest.importorskip("torch")


@pytest.fixture
def state_dict(torch: Any, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """The small layer's tensors as PyTorch's own, one of them not contiguous."""
    state = {name: torch.from_numpy(array) for name, array in tensors.items()}
    return state | {PRIMARY: state[PRIMARY].transpose(0, 1).contiguous().transpose(0, 1)}


@pytest.mark.parametrize("wrap", ["", "state_dict"])
def test_a_state_dict_of_pytorch_keeps_every_bit(
    tmp_path: Path,
    torch: Any,
    state_dict: dict[str, Any],
    tensors: dict[str, np.ndarray],
    wrap: str,
) -> None:
    content = {wrap: state_dict, "epoch": 3} if wrap else state_dict
    torch.save(content, tmp_path / "layer.pth")

    imported = import_file(tmp_path / "layer.pth", "seed")

    assert imported.source.get("entry", "") == wrap
    for name, array in tensors.items():
        assert imported.tensors[name].tobytes() == array.tobytes()


def test_bfloat16_of_pytorch_keeps_every_bit(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any], tensors: dict[str, np.ndarray]
) -> None:
    torch.save({name: value.bfloat16() for name, value in state_dict.items()}, tmp_path / "a.pt")

    imported = import_file(tmp_path / "a.pt", "seed")

    for name, array in tensors.items():
        assert imported.tensors[name].tobytes() == array.astype(ml_dtypes.bfloat16).tobytes()


def test_a_pickled_module_is_refused_with_the_way_out(tmp_path: Path, torch: Any) -> None:
    path = tmp_path / "module.pt"
    torch.save(torch.nn.Conv2d(1, 1, 1), path)

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "seed")

    assert str(caught.value) == (
        f"{path} holds more than tensors: it asks for 'torch.nn.modules.conv.Conv2d', and reading "
        "that could run any code; where it was made, save module.state_dict() instead"
    )


UNUSUAL: dict[str, Callable[[Any], Any]] = {
    "_rebuild_sparse_tensor": lambda tensor: tensor.to_sparse(),
    "_rebuild_meta_tensor_no_storage": lambda tensor: tensor.to("meta"),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_a_tensor_of_an_unusual_kind_is_refused_with_the_way_out(
    tmp_path: Path, torch: Any, kind: str
) -> None:
    path = tmp_path / "layer.pt"
    torch.save({"primary_conv.0.weight": UNUSUAL[kind](torch.ones(2, 1, 1, 1))}, path)

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "seed")

    assert str(caught.value) == (
        f"{path} holds a tensor of a kind that is not read, 'torch._utils.{kind}' (quantised, "
        "sparse, of 8 bits, or without numbers): where it was made, save it as float32 by "
        "tensor.dequantize(), to_dense() or float()"
    )


def test_a_file_without_state_dict_is_refused(tmp_path: Path, torch: Any) -> None:
    path = tmp_path / "layer.pt"
    torch.save({"epoch": 3}, path)

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "seed")

    assert str(caught.value) == (
        f"{path} must hold one state dict (names to tensors), itself or in one entry, got none: "
        "save module.state_dict()"
    )


TAKEN = [
    (("state_dict", "state_dict_ema"), "state_dict_ema"),
    (("model", "discriminator"), "model"),
    (("ema_model", "model"), "ema_model"),
    (("net", "swa_state_dict"), "swa_state_dict"),
]


@pytest.mark.parametrize(("entries", "taken"), TAKEN)
def test_of_several_state_dicts_the_averaged_or_the_usual_one_is_taken_and_told(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any], entries: tuple[str, ...], taken: str
) -> None:
    path = tmp_path / "layer.pt"
    torch.save(dict.fromkeys(entries, state_dict) | {"epoch": 3}, path)

    source = import_file(path, "seed").source

    assert source["entry"] == taken
    assert source["beside"] == [*(name for name in entries if name != taken), "epoch"]


def test_the_state_of_an_optimiser_is_no_state_dict(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any]
) -> None:
    """Not even where it has the names of the tensors, as sharded training saves it."""
    moments = {name: {"exp_avg": tensor, "step": 1} for name, tensor in state_dict.items()}
    beside = {"optimizer": {"state": moments, "param_groups": []}, "epoch": 3}
    entry = {"layer": state_dict} | beside

    for content, found in ((state_dict | beside, {}), (entry, {"entry": "layer"})):
        torch.save(content, tmp_path / "a.pt")
        source = import_file(tmp_path / "a.pt", "seed").source
        assert {name: source[name] for name in source if name == "entry"} == found
        assert source.get("beside", []) == (["optimizer", "epoch"] if found else [])


def test_the_counter_of_averages_is_left_out(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any]
) -> None:
    averaged = {f"module.{name}": tensor for name, tensor in state_dict.items()}
    torch.save(averaged | {"n_averaged": torch.tensor(3)}, tmp_path / "a.pt")

    assert import_file(tmp_path / "a.pt", "seed").source["dropped"] == {"n_averaged": 1}


@pytest.mark.parametrize(
    ("kernel", "others", "wide"),
    [("float16", "float32", "F32"), ("float16", "bfloat16", "F32"), ("float32", "float64", "F64")],
)
def test_tensors_of_several_types_are_widened_and_told(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any], kernel: str, others: str, wide: str
) -> None:
    types = {name: kernel if tensor.ndim == 4 else others for name, tensor in state_dict.items()}
    mixed = {name: state_dict[name].to(getattr(torch, each)) for name, each in types.items()}
    torch.save(mixed, tmp_path / "a.pt")

    imported = import_file(tmp_path / "a.pt", "seed")

    assert imported.source["widened"].endswith(f" to {wide}")
    assert {dtype_name(array.dtype) for array in imported.tensors.values()} == {wide}
    for name, tensor in mixed.items():
        np.testing.assert_array_equal(imported.tensors[name], tensor.double().numpy())


PROGRAMS = {
    "a/code/__torch__.py": "a module of torch.jit.save",
    "a/archive_format": "a program of torch.export.save",
}


@pytest.mark.parametrize("member", PROGRAMS)
def test_an_archive_of_a_program_is_told(tmp_path: Path, member: str) -> None:
    for first in ("a/data.pkl", "a/extra/b"):
        with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(first, b"")
            archive.writestr(member, b"")

        with pytest.raises(ImportRefused, match=f"a.pt is {PROGRAMS[member]}: where it was made"):
            import_file(tmp_path / "a.pt", "seed")


@pytest.mark.parametrize(
    "name", ["model-00001-of-00002.safetensors", "model.safetensors.index.json"]
)
def test_one_of_several_files_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")

    with pytest.raises(ImportRefused, match="is one of several files that hold the tensors toge"):
        import_file(tmp_path / name, "timm")


def test_a_choice_between_networks_is_the_users(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any]
) -> None:
    path = tmp_path / "layer.pt"
    torch.save({"student": state_dict, "teacher": state_dict, "epoch": 3}, path)

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "seed")

    assert str(caught.value) == (
        f"{path} holds several state dicts: student, teacher; choose one with --entry NAME"
    )


def test_the_chosen_entry_is_taken_and_recorded(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any]
) -> None:
    path = tmp_path / "layer.pt"
    zeros = {name: torch.zeros_like(tensor) for name, tensor in state_dict.items()}
    torch.save({"state_dict": zeros, "model_ema": state_dict}, path)

    imported = import_file(path, "seed", entry="model_ema")

    assert imported.source["entry"] == "model_ema"
    assert imported.tensors["primary_conv.0.weight"].any()


def test_an_entry_that_is_absent_is_refused(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any]
) -> None:
    path = tmp_path / "layer.pt"
    torch.save({"state_dict": state_dict}, path)

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "seed", entry="ema")

    assert str(caught.value) == (
        f"{path} must have the entry 'ema' asked for, its entries: 'state_dict'"
    )


def test_a_damaged_file_of_pytorch_is_told(
    tmp_path: Path, torch: Any, state_dict: dict[str, Any]
) -> None:
    path = tmp_path / "layer.pt"
    torch.save(state_dict, path)
    path.write_bytes(path.read_bytes()[:-300])

    with pytest.raises(FormatError) as caught:
        import_file(path, "seed")

    assert str(caught.value) == f"{path} is not a whole PyTorch file"
