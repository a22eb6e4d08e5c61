"""`ghost_torch` layers behave as PyTorch's own: types, devices, copies, pickles, printing."""

from __future__ import annotations

import copy
import io
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("torch")

import torch

import ghost_torch
from weights import ArgumentError

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "padding": 1}
TENSORS = tensors_of("ghost_conv", **LAYER)


def evaluated(layer: Any, dtype: Any = torch.float32) -> Any:
    """The layer's output in inference for one input."""
    x = torch.from_numpy(normal(2, 3, 6, 5)).to(dtype)
    with torch.no_grad():
        return layer.eval()(x)


@pytest.fixture
def layer() -> Any:
    """A layer with random tensors."""
    made = ghost_torch.GhostConv(**LAYER)
    ghost_torch.set_state(made, TENSORS)
    return made


@pytest.mark.parametrize("kind", [ghost_torch.GhostConv, ghost_torch.GhostResNet20])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_every_floating_tensor_has_the_type_asked_for(kind: Any, dtype: Any) -> None:
    module = kind(3, 8, dtype=dtype)

    floating = {
        tensor.dtype for tensor in module.state_dict().values() if tensor.is_floating_point()
    }

    assert floating == {dtype}


@pytest.mark.parametrize("kind", [ghost_torch.GhostConv, ghost_torch.GhostResNet20])
def test_every_tensor_is_on_the_device_asked_for(kind: Any) -> None:
    module = kind(3, 8, device="meta")

    assert {tensor.device.type for tensor in module.state_dict().values()} == {"meta"}


def test_a_float64_layer_computes_in_float64() -> None:
    narrow, wide = (
        ghost_torch.GhostConv(**LAYER),
        ghost_torch.GhostConv(**LAYER, dtype=torch.float64),
    )
    wide.load_state_dict(narrow.state_dict())

    output = evaluated(wide, torch.float64)

    assert output.dtype == torch.float64
    torch.testing.assert_close(output.float(), evaluated(narrow))


def test_a_bfloat16_layer_computes_in_bfloat16(layer: Any) -> None:
    output = evaluated(copy.deepcopy(layer).to(torch.bfloat16), torch.bfloat16)

    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), evaluated(layer), rtol=0.1, atol=0.1)


@pytest.mark.slow
def test_a_layer_on_the_meta_device_tells_its_output_shape() -> None:
    layer = ghost_torch.GhostConv(**LAYER, device="meta")

    assert layer(torch.empty(2, 3, 6, 5, device="meta")).shape == (2, 5, 6, 5)


def test_a_layer_without_values_neither_gives_nor_takes_a_state() -> None:
    layer = ghost_torch.GhostConv(**LAYER, device="meta")
    text = r"`module` must hold values, got tensors on the meta device, .* module\.to_empty"

    with pytest.raises(ArgumentError, match=text):
        ghost_torch.state(layer)
    with pytest.raises(ArgumentError, match=text):
        ghost_torch.set_state(layer, TENSORS)


def test_a_layer_moved_off_the_meta_device_takes_a_state() -> None:
    layer = ghost_torch.GhostConv(**LAYER, device="meta").to_empty(device="cpu")

    ghost_torch.set_state(layer, TENSORS)

    assert_same_state(ghost_torch.state(layer), TENSORS)


def test_printing_a_layer_tells_its_arguments(layer: Any) -> None:
    first, second = repr(layer).splitlines()[:2]

    assert first == "GhostConv("
    assert second == (
        "  c_in=3, c_out=5, kernel_size=3, ratio=2, dw_kernel_size=3, stride=1, padding=1, "
        "dilation=1, groups=1, split='round', activation='relu', bn_eps=1e-05, bn_momentum=0.1"
    )


def test_a_deep_copy_is_equal_and_independent(layer: Any) -> None:
    twin = copy.deepcopy(layer)

    assert torch.equal(evaluated(twin), evaluated(layer))
    with torch.no_grad():
        twin.primary_conv[0].weight.zero_()
    assert_same_state(ghost_torch.state(layer), TENSORS)


def test_a_pickled_layer_is_the_same_layer(layer: Any) -> None:
    twin = pickle.loads(pickle.dumps(layer))

    assert twin.config == layer.config
    assert torch.equal(evaluated(twin), evaluated(layer))


def test_a_saved_state_dict_needs_no_trust_in_its_file(layer: Any) -> None:
    stream = io.BytesIO()
    torch.save(layer.state_dict(), stream)
    stream.seek(0)
    fresh = ghost_torch.GhostConv(**LAYER)

    fresh.load_state_dict(torch.load(stream, weights_only=True))

    assert_same_state(ghost_torch.state(fresh), TENSORS)


def test_channels_last_memory_changes_neither_output_nor_state(layer: Any) -> None:
    wanted = evaluated(layer)

    output = evaluated(layer.to(memory_format=torch.channels_last))

    torch.testing.assert_close(output, wanted)
    assert_same_state(ghost_torch.state(layer), TENSORS)


def test_a_layer_takes_an_input_in_channels_last_memory(layer: Any) -> None:
    x = torch.from_numpy(normal(2, 3, 6, 5))
    with torch.no_grad():
        output = layer.eval()(x.to(memory_format=torch.channels_last))

    torch.testing.assert_close(output, evaluated(layer))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_file_keeps_the_type_of_its_layer(tmp_path: Any, dtype: Any) -> None:
    layer = ghost_torch.GhostConv(**LAYER, dtype=dtype)
    ghost_torch.save_weights(layer, tmp_path / "layer.safetensors")

    built = ghost_torch.from_file(tmp_path / "layer.safetensors")

    assert built.primary_conv[0].weight.dtype == dtype
    assert_same_state(ghost_torch.state(built), ghost_torch.state(layer))


def test_loading_keeps_the_parameters_that_an_optimiser_holds(layer: Any, tmp_path: Any) -> None:
    held = dict(layer.named_parameters())
    ghost_torch.save_weights(ghost_torch.GhostConv(**LAYER), tmp_path / "layer.safetensors")

    ghost_torch.load_weights(layer, tmp_path / "layer.safetensors")

    assert all(held[name] is parameter for name, parameter in layer.named_parameters())
    assert not np.array_equal(
        ghost_torch.state(layer)["primary_conv.0.weight"], TENSORS["primary_conv.0.weight"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrap",
    [torch.nn.Sequential, torch.nn.DataParallel, partial(torch.compile, backend="eager")],
    ids=["sequential", "parallel", "compiled"],
)
def test_a_wrapper_is_refused_and_its_layer_kept(layer: Any, wrap: Any) -> None:
    wrapper = wrap(layer)

    with pytest.raises(ArgumentError, match="pass the module itself, not a wrapper"):
        ghost_torch.set_state(wrapper, tensors_of("ghost_conv", seed=1, **LAYER))

    assert_same_state(ghost_torch.state(layer), TENSORS)
