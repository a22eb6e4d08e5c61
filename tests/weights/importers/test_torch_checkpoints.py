"""Files of PyTorch: tensors are read, anything that could run code is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from weights import FormatError, ImportRefused, configure
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
