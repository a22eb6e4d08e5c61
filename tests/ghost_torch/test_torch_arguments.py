"""What PyTorch alone is given, types, devices and tensors, is refused in words of this project."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ghost_torch import GhostBottleneck, GhostConv, GhostResNet20, SqueezeExcite
from ghost_torch.framework.inputs import MOST_KINDS
from weights import ArgumentError

NO_DEVICE = "`device` must be one that PyTorch has here, got"
NO_TYPE = "must be of type float16, bfloat16, float32, float64, got"
MODULES = [
    GhostConv(3, 8),
    GhostBottleneck(3, 6, 4),
    SqueezeExcite(3, 1.0),
    GhostResNet20(),
]

INPUTS: list[tuple[Callable[[Tensor], Any], str]] = [
    (lambda x: x.numpy(), "the input must be a dense tensor of PyTorch, got ndarray"),
    (lambda x: None, "the input must be a dense tensor of PyTorch, got NoneType"),
    (lambda x: x.to_sparse(), "the input must be a dense tensor of PyTorch, got one of torch.spar"),
    (lambda x: x.to("meta"), "the input must be where the module is, on cpu, got meta: use x.to"),
    (lambda x: x.half(), "the input must have the module's type float32, got float16: cast it"),
    (lambda x: x.double(), "the input must have the module's type float32, got float64: cast it"),
    (lambda x: x.to(torch.complex64), f"the input {NO_TYPE} complex64: cast it"),
]


@pytest.mark.parametrize(
    ("device", "text"),
    [("nonsense", "'nonsense'"), ("cuda:97", "'cuda:97'"), (10**30, str(10**30)), (2.5, "2.5")],
)
def test_a_device_that_is_not_here_is_refused(device: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as error:
        GhostConv(3, 8, device=device)

    assert str(error.value) == f"{NO_DEVICE} {text}: such as 'cpu'"


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (torch.int8, f"`dtype` {NO_TYPE} int8: cast it"),
        (torch.complex64, f"`dtype` {NO_TYPE} complex64: cast it"),
        ("float32", "`dtype` must be a torch.dtype, got 'float32': use torch.float32"),
        (np.float32, f"`dtype` {NO_TYPE} {np.float32}: cast it"),
    ],
)
def test_a_type_that_is_not_pytorchs_is_refused(dtype: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        GhostConv(3, 8, dtype=dtype)

    assert str(error.value) == message


@pytest.mark.parametrize("module", MODULES, ids=lambda module: type(module).__name__)
@pytest.mark.parametrize(("change", "message"), INPUTS)
def test_an_input_that_a_convolution_cannot_take_is_refused(
    module: Any, change: Callable[[Tensor], Any], message: str
) -> None:
    with pytest.raises(ArgumentError) as error:
        module.eval()(change(torch.zeros(1, 3, 8, 8)))

    assert str(error.value).startswith(message)


def test_autocast_takes_inputs_of_another_type() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        out = MODULES[0](torch.zeros(2, 3, 8, 8, dtype=torch.bfloat16))

    assert out.shape == (2, 8, 8, 8)


def test_an_empty_batch_gives_an_empty_batch() -> None:
    assert GhostConv(3, 8).eval()(torch.zeros(0, 3, 5, 5)).shape == (0, 8, 5, 5)


def test_what_was_accepted_is_refused_by_a_module_that_changed_since() -> None:
    module, x = GhostConv(3, 8).eval(), torch.zeros(1, 3, 1, 1)
    module(x), module(x)

    with pytest.raises(ArgumentError, match="more than one value per channel"):
        module.train()(x)
    module.eval().primary_conv.double()
    with pytest.raises(ArgumentError, match="must have the module's type float64, got float32"):
        module(x)
    with pytest.raises(ArgumentError, match="must be a dense tensor of PyTorch, got one of"):
        module.float()(x.to_sparse())


def test_what_was_accepted_is_not_checked_again() -> None:
    module, x, asked = GhostConv(3, 8), torch.zeros(2, 3, 4, 4), []
    module(x)
    object.__setattr__(module.plan, "check_input", lambda *args, **_: asked.append(args[0]))

    module(x), module.eval()(x), copy.deepcopy(module)(x)
    module(torch.zeros(2, 3, 5, 4))

    assert set(asked) == {(2, 3, 5, 4)}


def test_a_module_remembers_few_kinds_of_inputs() -> None:
    module = GhostConv(3, 8)

    for height in range(4, 6 + MOST_KINDS):
        module(torch.zeros(2, 3, height, 1))

    assert len(module.accepted) <= MOST_KINDS
