"""Modules of a file and of a network: paired by paths, or told side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weights import (
    ArgumentError,
    FileModule,
    FormatError,
    LoadReport,
    MismatchError,
    configure,
    write_modules,
)
from weights.columns.own.members import described_parts

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import ghost_torch  # noqa: E402


def network(**modules: nn.Module) -> Any:
    made = nn.Module()
    for name, module in modules.items():
        made.add_module(name, module)
    return made


def image(padding: int = 1) -> nn.Module:
    return nn.Conv2d(3, 8, 3, padding=padding)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A backbone of two convolutions of the same shapes in turn, and a head."""
    torch.manual_seed(0)
    backbone = network(stem=image(), ghost=ghost_torch.GhostConv(8, 8), side=image())
    path = tmp_path / "file.safetensors"
    ghost_torch.save_weights(network(backbone=backbone, head=nn.Linear(8, 5)), path)
    return path


def flat() -> Any:
    ghost = ghost_torch.GhostConv(8, 8)
    return network(**{"stem": image(), "ghost": ghost, "side": image(), "head": nn.Linear(8, 5)})


def prefix(path: str) -> str:
    return path.removeprefix("backbone.")


@pytest.mark.parametrize("rename", [{"backbone": ""}, {"backbone.stem": "stem", "backbone.ghost":
                         "ghost", "backbone.side": "side"}, prefix])  # fmt: skip
def test_a_mapping_or_a_function_maps_paths(rename: Any, file: Path) -> None:
    wanted, loaded = flat(), flat()

    report = ghost_torch.load_weights(loaded, file, rename=rename)

    assert report.pairs == (
        ("backbone.stem", "stem"), ("backbone.ghost", "ghost"), ("backbone.side", "side"),
        ("head", "head"),
    )  # fmt: skip
    assert not torch.equal(loaded.stem.weight, wanted.stem.weight)
    assert str(report).splitlines()[1:] == [
        "  backbone.stem -> stem", "  backbone.ghost -> ghost", "  backbone.side -> side", "  head",
    ]  # fmt: skip


def test_what_is_left_over_stands_beside_its_likely_partner(file: Path) -> None:
    with pytest.raises(MismatchError) as error:
        ghost_torch.load_weights(flat(), file)

    assert error.value.problems == (
        "only in the file: 'backbone.stem' (convolution); likely 'stem' (convolution): "
        "rename={'backbone': ''}",
        "only in the file: 'backbone.ghost' (ghost_conv); likely 'ghost' (ghost_conv): "
        "rename={'backbone': ''}",
        "only in the file: 'backbone.side' (convolution); likely 'side' (convolution): "
        "rename={'backbone': ''}",
        "only in the network: 'stem' (convolution); likely 'backbone.stem' of the file",
        "only in the network: 'ghost' (ghost_conv); likely 'backbone.ghost' of the file",
        "only in the network: 'side' (convolution); likely 'backbone.side' of the file",
    )


def test_order_pairs_only_what_agrees(file: Path) -> None:
    report = ghost_torch.load_weights(flat(), file, by_order=True)
    swapped = network(ghost=ghost_torch.GhostConv(8, 8), stem=image(), side=image())

    assert len(report.pairs) == 4
    with pytest.raises(MismatchError) as error:
        ghost_torch.load_weights(swapped, file, by_order=True)
    assert error.value.problems[:3] == (
        "the file has 4 modules, the network 3",
        "'backbone.stem' -> 'ghost' is a convolution in the file and a ghost_conv in the network",
        "'backbone.ghost' -> 'stem' is a ghost_conv in the file and a convolution in the network",
    )


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"rename": {"bone": "a"}}, "`rename` must name modules of the file, got 'bone', which it has"),
    ({"rename": 3}, "`rename` must map paths in the file to paths in the network, or be a"),
    ({"rename": lambda path: 3}, "`rename` must return a path, got 3 for 'backbone.stem'"),
    ({"rename": prefix, "by_order": True}, "`rename` and `by_order` exclude each other: give one"),
    ({"allow_missing": ["tail.*"]}, "`allow_missing` must match tensors, got 'tail.*', which"),
    ({"allow_missing": "head.*"}, "`allow_missing` must be a list of patterns, got 'head.*'"),
    ({"allow_missing": [3]}, "`allow_missing` must be a list of patterns, got [3]"),
    ({"allow_missing": None}, "`allow_missing` must be a list of patterns, got None"),
    ({"flatten": {"stem": (1, 8, 8)}}, "`flatten` must map paths of linear layers to (channels"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_an_option_that_means_nothing_is_refused(
    options: dict[str, Any], message: str, file: Path
) -> None:
    with pytest.raises(ArgumentError) as error:
        ghost_torch.load_weights(flat(), file, **options)

    assert str(error.value).startswith(message)


def test_two_modules_of_the_file_cannot_go_to_one_place(file: Path) -> None:
    both = {"backbone.stem": "stem", "backbone.side": "stem", "backbone.ghost": "ghost"}

    with pytest.raises(MismatchError, match=r"'backbone.stem' .* and .*side' .* both go to 'stem'"):
        ghost_torch.load_weights(flat(), file, rename=both)


def test_a_new_head_keeps_its_values(file: Path) -> None:
    wider = flat()
    wider.head = nn.Linear(8, 7)
    before = wider.head.weight.clone()

    report = ghost_torch.load_weights(
        wider, file, rename={"backbone": ""}, allow_missing=["head.*"]
    )

    assert torch.equal(wider.head.weight, before)
    assert [here for _, here in report.pairs] == ["stem", "ghost", "side"]


def test_a_published_layer_goes_into_a_network_by_renaming_the_whole(tmp_path: Path) -> None:
    layer = ghost_torch.GhostConv(8, 8)
    ghost_torch.save_weights(layer, tmp_path / "layer")
    own = network(ghost=ghost_torch.GhostConv(8, 8), head=nn.Linear(8, 5))

    report = ghost_torch.load_weights(
        own, tmp_path / "layer", rename={"": "ghost"}, allow_missing=["head.*"]
    )

    assert str(report) == "1 module loaded\n  (the whole) -> ghost"
    assert torch.equal(own.ghost.primary_conv[0].weight, layer.primary_conv[0].weight)


def test_padding_may_stand_in_another_layer_and_is_noted(tmp_path: Path) -> None:
    ghost_torch.save_weights(network(stem=image(1)), tmp_path / "one")

    report = ghost_torch.load_weights(network(stem=image(0)), tmp_path / "one")

    assert report.notes == (
        "'stem': `padding` is [[1, 1], [1, 1]] in the file and [[0, 0], [0, 0]] in the network: "
        "right where another layer does it",
    )
    with pytest.raises(MismatchError, match="`padding` is"):
        ghost_torch.load_weights(network(stem=image(2)), tmp_path / "one")
    ghosts = [network(stem=ghost_torch.GhostConv(3, 8, 3, padding=padding)) for padding in (1, 0)]
    ghost_torch.save_weights(ghosts[0], tmp_path / "ghost")
    assert len(ghost_torch.load_weights(ghosts[1], tmp_path / "ghost").notes) == 1


def tied_parameters() -> nn.Module:
    made = network(a=nn.Linear(4, 4), b=nn.Linear(4, 4))
    made.b.weight = made.a.weight
    return made


def with_a_parameter() -> nn.Module:
    made = network(stem=image(), lstm=nn.LSTM(2, 3), lazy=nn.LazyLinear(3))
    made.register_parameter("scale", nn.Parameter(torch.ones(3)))
    made.register_buffer("steps", torch.zeros(1))
    made.register_buffer("unsaved", torch.zeros(1), persistent=False)
    made.stem.register_parameter("gain", nn.Parameter(torch.ones(1)))
    return made


def patched() -> nn.Module:
    made: Any = nn.Linear(2, 2)
    made.forward = lambda x: x
    return nn.Sequential(made)


def with_a_state() -> nn.Module:
    class Stateful(nn.Linear):
        def get_extra_state(self) -> Any:
            return {"scale": 2}

    return nn.Sequential(Stateful(2, 2))


OTHERS: list[tuple[str, Callable[[], nn.Module], str]] = [
    ("tied", tied_parameters, "'a.weight' and 'b.weight' are one variable: give each its own"),
    ("unknown", with_a_parameter, "\n  - ".join([
        "`module` must be made of layers that a file can tell, got others:",
        "(the whole) (Module): it holds scale, steps and is of no kind that is known: `register` "
        "makes one known",
        "'stem' (Conv2d): it holds gain beside the tensors of its kind",
        "'lstm' (LSTM): it holds weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 and is of no "
        "kind that is known: `register` makes one known",
        "'lazy' (LazyLinear): it has seen no input yet, so its channels are not known: call the "
        "model once before",
    ])),
    ("empty", lambda: nn.Sequential(nn.ReLU()), "`module` must hold tensors, got a network"),
    ("patched", patched, "'0' (Linear): it holds weight, bias and is of no kind that is known"),
    ("state", with_a_state, "'0' (Stateful): it holds _extra_state beside the tensors of its kind"),
    ("meta", lambda: nn.Sequential(nn.Linear(2, 2, device="meta")), "it has no values, only"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "message"), [row[1:] for row in OTHERS], ids=[r[0] for r in OTHERS]
)
def test_what_cannot_be_told_is_refused_all_at_once(
    build: Callable[[], nn.Module], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError) as error:
        ghost_torch.save_weights(build(), tmp_path / "file")

    assert message in str(error.value)
    assert not (tmp_path / "file").exists()


def test_a_module_at_two_paths_is_one_and_loads_by_either(tmp_path: Path) -> None:
    shared = nn.Linear(4, 4)
    ghost_torch.save_weights(network(a=shared, b=shared), tmp_path / "tied")
    ghost_torch.save_weights(network(b=shared), tmp_path / "second")
    new = nn.Linear(4, 4)

    for name, path in (("tied", "a"), ("second", "b")):
        report = ghost_torch.load_weights(network(a=new, b=new), tmp_path / name)
        assert report == LoadReport(((path, "a"),))
        assert torch.equal(new.weight, shared.weight)


def test_a_computed_tensor_is_saved_as_it_is_used(tmp_path: Path) -> None:
    made = network(stem=nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)))

    ghost_torch.save_weights(made, tmp_path / "file")
    plain = network(stem=nn.Linear(3, 4))
    ghost_torch.load_weights(plain, tmp_path / "file")
    ghost_torch.load_weights(made, tmp_path / "file")

    torch.testing.assert_close(plain.stem.weight, made.stem.weight)


def test_an_order_that_is_none_of_the_modules_is_refused() -> None:
    entry = {"path": "a", "kind": "prelu", "config": {"channels": 1}}
    with pytest.raises(FormatError, match="must name each of its modules once"):
        described_parts(configure("custom", {"modules": [entry]}), ["b"])


def test_a_file_of_one_tensor_each_is_written_in_any_type(tmp_path: Path) -> None:
    row = FileModule("a", "prelu", {"channels": 2}, {"weight": np.ones(2, np.float64)})
    write_modules(tmp_path / "wide", [row])

    with pytest.raises(MismatchError, match=r"tensor 'a.weight' must be F32 as in the module, got"):
        ghost_torch.load_weights(network(a=nn.PReLU(2)), tmp_path / "wide")
