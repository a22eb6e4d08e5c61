"""A block of a YOLO's yaml can be swapped for ours: the same arguments, the same numbers."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.oracle import yolo as oracle
from conformance.oracle.weights_io import build
from tests.columns import Column, in_every_column, normal, tensors_of
from weights import ArgumentError, configure, read_file, write_file
from weights.importers import export_file, import_file
from weights.modules.yolo import activation_name, ghost_bottleneck_arguments, ghost_conv_arguments

ACTIVATIONS = ("relu", "relu6", "silu", "hard_swish", "identity")
FUNCTIONS = {
    "ghost_torch": ("torch.nn.functional", ("relu", "relu6", "silu", "hardswish")),
    "ghost_jax": ("jax.nn", (*ACTIVATIONS[:3], "hard_swish", "identity")),
    "ghost_tf": ("keras.activations", (*ACTIVATIONS[:3], "hard_silu", "linear")),
}
MODULES = ("ReLU", "ReLU6", "SiLU", "Hardswish", "Identity")
OTHERS = (
    "`act` must be True (silu), False (identity), leaky_relu:SLOPE, or one of relu, relu6, silu, "
    "hard_swish, "
)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("GhostConv", ["c1", "c2", "k", "s", "g", "act"]),
        ("GhostBottleneck", ["c1", "c2", "k", "s"]),
        ("C3Ghost", ["c1", "c2", "n", "shortcut", "g", "e"]),
    ],
)
@in_every_column
def test_arguments_stand_where_a_yaml_puts_them(
    column: Column, kind: str, wanted: list[str]
) -> None:
    parameters = signature(getattr(column.package.yolo, kind).__init__).parameters.values()

    names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert names == ["self", *wanted]


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize(
    ("arguments", "hidden"),
    [((16, 88, 1, True, 1, 0.69), 60), ((16, 20, 0), 10), ((4, 8, 1, False, 4), 4)],
    ids=str,
)
def test_a_block_of_any_width_gives_the_oracle_s_numbers(
    column: Column, arguments: tuple[Any, ...], hidden: int
) -> None:
    config = oracle.C3Ghost(*arguments).config
    tensors, x = tensors_of("c3_ghost", **config), normal(1, arguments[0], 5, 4)
    module = column.make("C3Ghost", *arguments)
    column.package.set_state(module, tensors)

    assert module.config == config and module.plan.hidden == hidden
    wanted = build("c3_ghost", config, tensors)(x.astype(np.float64))
    error = np.abs(column.run(module, x) - wanted).max()
    assert error < 2e-6 * np.abs(wanted).max()


def test_the_width_is_kept_where_no_share_tells_it() -> None:
    config = configure("c3_ghost", {"c1": 16, "c2": 88, "e": 60 / 88, "hidden": 60})

    assert int(88 * (60 / 88)) == 59
    assert config.to_dict()["hidden"] == 60
    assert configure("c3_ghost", config.to_dict()) == config
    assert "hidden" not in configure("c3_ghost", {"c1": 16, "c2": 88, "hidden": 44}).to_dict()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"e": 0.3}, "`c2` times `e` must be a multiple of 4, got 88 x 0.3: each"),
        ({"hidden": 58}, "`hidden` must be a multiple of 4, got 58: each GhostBottleneck halves"),
        ({"hidden": 0}, "`hidden` must be an integer of at least 1, got 0"),
    ],
)
def test_a_width_that_cannot_be_halved_twice_is_refused(config: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        configure("c3_ghost", {"c1": 16, "c2": 88} | config)

    assert str(caught.value).startswith(text)


def test_every_width_goes_out_and_comes_back(tmp_path: Path) -> None:
    for c2, hidden in [(88, 60), (49, 20), (2047, 1000), (32, 16), (20, 8)]:
        config = {"c1": 3, "c2": c2, "n": 1, "e": hidden / c2, "hidden": hidden}
        tensors = tensors_of("c3_ghost", **config)
        ours, theirs = tmp_path / f"{c2}.safetensors", tmp_path / f"{c2}.theirs.safetensors"
        write_both(ours, theirs, "c3_ghost", config, tensors)

        found = import_file(theirs, "ultralytics")

        assert found.config == configure("c3_ghost", config).to_dict()
        assert {name: array.tobytes() for name, array in found.tensors.items()} == {
            name: array.tobytes() for name, array in tensors.items()
        }


def write_both(ours: Path, theirs: Path, *content: Any) -> None:
    """The same module as an interchange file, and as ultralytics saves it."""
    write_file(ours, *content)
    export_file(read_file(ours), "ultralytics", theirs)


@pytest.mark.parametrize("changed", [{"kernel_size": 2, "padding": 1}, {"groups": 2}], ids=str)
def test_a_convolution_with_an_even_kernel_or_groups_is_imported(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    config = configure("ghost_conv", ghost_conv_arguments(8, 16) | changed).to_dict()
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    write_both(ours, theirs, "ghost_conv", config, tensors_of("ghost_conv", **config))

    given = {"groups": 2} if "groups" in changed else {}
    assert import_file(theirs, "ultralytics", config=given).config == config


@in_every_column
def test_an_activation_is_the_framework_s_own(column: Column) -> None:
    module, names = FUNCTIONS[column.name]
    functions = __import__(module, fromlist=["relu"])
    own = column.package.yolo.OWN

    assert list(own) == list(ACTIVATIONS)
    for wanted, name in zip(ACTIVATIONS, names, strict=False):
        assert activation_name(getattr(functions, name), own) == wanted


@in_every_column
@pytest.mark.parametrize("act", [None, 1, "tanh", abs, float("nan"), [], type], ids=str)
def test_another_activation_is_refused_in_words(column: Column, act: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        column.make("yolo.GhostConv", 8, 16, act=act)

    assert str(caught.value).startswith(OTHERS)


@pytest.mark.parametrize(("wanted", "name"), list(zip(ACTIVATIONS, MODULES, strict=True)))
def test_a_module_of_pytorch_is_an_activation(wanted: str, name: str) -> None:
    nn = pytest.importorskip("torch.nn")
    ghost_torch = pytest.importorskip("ghost_torch")

    layer = ghost_torch.yolo.GhostConv(8, 16, 3, act=getattr(nn, name)())

    assert layer.config["activation"] == wanted
    assert type(layer.primary_conv[2]).__name__ == name
    for other in (nn.LeakyReLU(0.1), nn.ReLU):  # ultralytics takes a class for none
        with pytest.raises(ArgumentError, match="by name or as the framework has it, got"):
            ghost_torch.yolo.GhostConv(8, 16, act=other)


def test_a_layer_of_keras_is_an_activation() -> None:
    layers = pytest.importorskip("keras").layers
    yolo = pytest.importorskip("ghost_tf").yolo

    for act, wanted in [
        (layers.ReLU(), "relu"),
        (layers.ReLU(max_value=6), "relu6"),
        (layers.Activation("silu"), "silu"),
        (layers.Identity(), "identity"),
    ]:
        assert yolo.GhostConv(8, 16, act=act).config["activation"] == wanted
    for other in (layers.ReLU(negative_slope=0.1), layers.ReLU(max_value=1.0)):
        with pytest.raises(ArgumentError, match="as the framework has it, got"):
            yolo.GhostConv(8, 16, act=other)


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize("arguments", [(8, 16, 2), (8, 12, (4, 2), 2), (8, 16, 4, 1, 2)], ids=str)
def test_an_even_kernel_pads_its_half(column: Column, arguments: tuple[Any, ...]) -> None:
    pytest.importorskip("torch")
    config = configure("ghost_conv", ghost_conv_arguments(*arguments)).to_dict()
    tensors, x = tensors_of("ghost_conv", **config), normal(2, 8, 7, 6)
    module = column.make("yolo.GhostConv", *arguments)
    column.package.set_state(module, tensors)

    np.testing.assert_allclose(
        column.run(module, x), theirs(x, tensors, *arguments), rtol=2e-5, atol=2e-5
    )


def theirs(
    x: np.ndarray, tensors: dict[str, np.ndarray], c1: int, c2: int, k: Any, s: int = 1, g: int = 1
) -> np.ndarray:
    """ultralytics' GhostConv in PyTorch's own functions, as its text describes it."""
    import torch
    from torch.nn import functional

    kernel = (k, k) if isinstance(k, int) else k
    given = {name: torch.from_numpy(array) for name, array in tensors.items()}

    def half(path: str, x: Any, *arguments: Any) -> Any:
        x = functional.conv2d(x, given[f"{path}.0.weight"], None, *arguments)
        numbers = ("running_mean", "running_var", "weight", "bias")
        norm = [given[f"{path}.1.{name}"] for name in numbers]
        return functional.silu(functional.batch_norm(x, *norm, eps=1e-3))

    padding = (kernel[0] // 2, kernel[1] // 2)
    first = half("primary_conv", torch.from_numpy(x), s, padding, 1, g)
    second = half("cheap_conv", first, 1, 2, 1, c2 // 2)
    return torch.cat([first, second], 1).numpy()


def test_the_kernel_of_a_bottleneck_has_no_effect_without_a_stride() -> None:
    assert ghost_bottleneck_arguments(16, 16, 4)["kernel_size"] == 3
    assert ghost_bottleneck_arguments(16, 16, 5)["kernel_size"] == 5
    with pytest.raises(ArgumentError, match=r"^`k` must be odd, got 4: an even kernel"):
        ghost_bottleneck_arguments(16, 32, 4, 2)


@in_every_column
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((8, 16, 1, 0.5), "`shortcut` must be True or False, got 0.5"),
        ((8, 16, 1, True, 0), "`g` must be an integer of at least 1, got 0"),
    ],
)
def test_what_has_no_effect_is_checked_all_the_same(
    column: Column, arguments: tuple[Any, ...], text: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        column.make("C3Ghost", *arguments)

    assert str(caught.value) == text
