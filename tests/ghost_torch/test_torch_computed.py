"""Parametrised and pruned layers: their weights are those that they compute with, in and out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, tensors_of

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import ghost_torch
from weights import ArgumentError, MismatchError

LAYER: dict[str, Any] = {"c_in": 4, "c_out": 8, "kernel_size": 3, "padding": 1}
WEIGHT = "primary_conv.0.weight"
REFUSED = "is made by {}, which cannot make these values: call {} first"
PARAMETRIZE = "torch.nn.utils.parametrize.remove_parametrizations"

pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`:FutureWarning")


class Lower(nn.Module):
    """A parametrisation that has no inverse."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.tril()


def old_parameter(conv: Any) -> None:
    """A weight that a hook of the user's makes before every call."""
    kept = conv.weight
    del conv.weight
    conv.kept = kept
    conv.register_forward_pre_hook(lambda module, _: setattr(module, "weight", 2 * module.kept))
    conv.weight = 2 * kept


# name -> what is done to the convolution, what makes its weight, what takes that away
ANY = {"weight_norm": parametrizations.weight_norm, "old weight_norm": nn.utils.weight_norm}
OWN: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "spectral_norm": (parametrizations.spectral_norm, "_SpectralNorm", PARAMETRIZE),
    "orthogonal": (parametrizations.orthogonal, "_Orthogonal", PARAMETRIZE),
    "pruned": (
        lambda conv: prune.l1_unstructured(conv, "weight", 0.5),
        "L1Unstructured",
        "torch.nn.utils.prune.remove",
    ),
}
NONE: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "old spectral_norm": (
        nn.utils.spectral_norm,
        "SpectralNorm",
        "torch.nn.utils.remove_spectral_norm",
    ),
    "without inverse": (
        lambda conv: parametrize.register_parametrization(conv, "weight", Lower()),
        "Lower",
        PARAMETRIZE,
    ),
    "by hand": (old_parameter, "something unknown", "what makes it a torch.nn.Parameter again"),
}
REFUSING = OWN | NONE


def layer_with(change: Callable[[Any], Any], *, training: bool = False) -> Any:
    torch.manual_seed(0)
    layer = ghost_torch.GhostConv(**LAYER)
    change(layer.primary_conv[0])
    return layer.train(training)


def evaluated(layer: Any) -> torch.Tensor:
    with torch.no_grad():
        return layer.eval()(torch.ones(1, 4, 5, 5))


def plain(tensors: dict[str, np.ndarray]) -> Any:
    made = ghost_torch.GhostConv(**LAYER)
    ghost_torch.set_state(made, tensors)
    return made


def tables(*rows: dict[str, Any]) -> Any:
    """What is done to the convolution, of every row."""
    changes = {
        name: value[0] if isinstance(value, tuple) else value
        for row in rows
        for name, value in row.items()
    }
    return pytest.mark.parametrize("change", changes.values(), ids=changes)


@tables(ANY)
def test_what_can_make_any_weights_is_loaded_through(change: Any) -> None:
    layer, tensors = layer_with(change), tensors_of("ghost_conv", **LAYER)

    ghost_torch.set_state(layer, tensors)

    torch.testing.assert_close(evaluated(layer), evaluated(plain(tensors)))
    found = ghost_torch.state(layer)
    for name, array in tensors.items():
        np.testing.assert_allclose(found[name], array, rtol=5e-7, err_msg=name)


@tables(ANY, OWN)
@pytest.mark.parametrize("training", [False, True])
def test_what_a_layer_gave_it_takes_again(change: Any, training: bool) -> None:
    layer = layer_with(change, training=training)
    tensors = ghost_torch.state(layer)

    ghost_torch.set_state(layer, tensors)

    np.testing.assert_allclose(ghost_torch.state(layer)[WEIGHT], tensors[WEIGHT], rtol=5e-7)


@tables(ANY, OWN, NONE)
def test_the_weights_are_those_that_it_computes_with(change: Any) -> None:
    layer = layer_with(change)

    torch.testing.assert_close(evaluated(plain(ghost_torch.state(layer))), evaluated(layer))
    torch.testing.assert_close(evaluated(ghost_torch.deploy(layer)), evaluated(layer))


@tables(ANY, OWN)
def test_telling_the_weights_changes_nothing(change: Any) -> None:
    layer = layer_with(change, training=True)
    before = copy.deepcopy(layer.state_dict())

    ghost_torch.state(layer)

    assert all(each.training for each in layer.modules())
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize(("change", "by", "undo"), REFUSING.values(), ids=REFUSING)
@pytest.mark.parametrize("training", [False, True])
def test_weights_that_it_cannot_make_are_refused_and_nothing_changes(
    change: Any, by: str, undo: str, training: bool
) -> None:
    layer = layer_with(change, training=training)
    before = copy.deepcopy(layer.state_dict())

    with pytest.raises(MismatchError) as error:
        ghost_torch.set_state(layer, tensors_of("ghost_conv", **LAYER))

    assert error.value.problems == (f"tensor '{WEIGHT}' {REFUSED.format(by, undo)}",)
    assert before.keys() == layer.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_one_layer_that_refuses_keeps_those_before_it_as_they_were() -> None:
    layer = layer_with(parametrizations.weight_norm)
    parametrizations.spectral_norm(layer.cheap_conv[0])
    before = ghost_torch.state(layer)

    with pytest.raises(MismatchError):
        ghost_torch.set_state(layer, tensors_of("ghost_conv", **LAYER))

    assert_same_state(ghost_torch.state(layer), before)


def test_what_was_loaded_is_independent_of_its_array() -> None:
    layer, tensors = layer_with(parametrizations.weight_norm), tensors_of("ghost_conv", **LAYER)
    ghost_torch.set_state(layer, tensors)
    before = ghost_torch.state(layer)

    for array in tensors.values():
        array[:] = 0

    assert_same_state(ghost_torch.state(layer), before)


def test_a_file_of_a_parametrised_layer_is_loaded_into_it(tmp_path: Any) -> None:
    tensors = tensors_of("ghost_conv", **LAYER)
    ghost_torch.save_weights(plain(tensors), tmp_path / "file.safetensors")
    layer = layer_with(parametrizations.weight_norm)

    ghost_torch.load_weights(layer, tmp_path / "file.safetensors")

    torch.testing.assert_close(evaluated(layer), evaluated(plain(tensors)))


def test_a_tensor_of_another_shape_is_refused_by_its_name() -> None:
    layer = ghost_torch.GhostConv(**LAYER)
    layer.primary_conv[0].weight = nn.Parameter(torch.zeros(4, 4, 1, 1))

    with pytest.raises(
        ArgumentError, match=r"must have 'primary_conv\.0\.weight' of shape .*, got \(4, 4, 1, 1\)"
    ):
        ghost_torch.state(layer)
