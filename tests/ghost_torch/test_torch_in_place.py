"""Activations work in place only where nobody can see what they activate."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import ghost_torch


class Seen(nn.ReLU):
    """An activation that is never in place."""


class Calls(TorchFunctionMode):
    """How often a function of PyTorch is called inside."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function, self.count = function, 0

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += function is self.function
        return function(*args, **(kwargs or {}))


def in_training(act: type[nn.Module] = nn.ReLU) -> Any:
    torch.manual_seed(0)
    layer = ghost_torch.GhostConv(4, 8, 3, padding=1)
    for half in (layer.primary_conv, layer.cheap_conv):
        half[2] = act()
    return layer


def deployed(**options: Any) -> Any:
    torch.manual_seed(0)
    return ghost_torch.deploy(ghost_torch.GhostConv(4, 8, 3, padding=1, **options))


def images() -> torch.Tensor:
    return torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("part", [0, 1], ids=["convolution", "norm"])
@pytest.mark.parametrize("gradient", [True, False])
def test_a_forward_hook_sees_what_is_not_activated(part: int, gradient: bool) -> None:
    layer, seen = deployed(), []
    layer.primary_conv[part].register_forward_hook(lambda *args: seen.append(args[-1]))

    with torch.set_grad_enabled(gradient):
        layer(images())

    assert (seen[0] < 0).any()
    assert torch.equal(seen[0], layer.primary_conv[0](images()))


def test_a_hook_on_the_activation_sees_its_input() -> None:
    layer, seen = deployed(), []
    layer.cheap_conv[2].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    with torch.no_grad():
        layer(images())

    assert (seen[0] < 0).any()


def test_a_hook_on_every_module_sees_what_is_not_activated() -> None:
    layer, seen = deployed(), []

    def look(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(module, nn.Conv2d):
            seen.append(output)

    handle = nn.modules.module.register_module_forward_hook(look)
    with torch.no_grad():
        layer(images())
    handle.remove()

    assert [bool((each < 0).any()) for each in seen] == [True, True]


def test_a_backward_hook_sees_gradients() -> None:
    layer, seen = deployed(), []
    for each in layer.modules():
        each.register_full_backward_hook(lambda module, *_: seen.append(type(module).__name__))

    layer(images().requires_grad_()).square().sum().backward()

    assert sorted(set(seen)) == ["Conv2d", "ConvNormAct", "Folded", "GhostConv", "ReLU"]


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_working_in_place_changes_neither_input_nor_output(activation: str) -> None:
    layer, x = deployed(activation=activation), images()
    wanted = layer(x).detach()

    with torch.no_grad():
        found = layer(x)

    assert torch.equal(found, wanted)
    assert torch.equal(x, images())


def test_an_input_that_a_half_passes_on_stays_as_it_is() -> None:
    half = deployed().primary_conv
    half[0] = nn.Identity()

    with torch.no_grad():
        half(x := images())

    assert torch.equal(x, images())


def test_a_training_step_works_in_place_behind_a_norm_and_derives_the_same() -> None:
    steps = []
    for act in (nn.ReLU, Seen):
        layer, x = in_training(act), images().requires_grad_()
        with Calls(torch.relu_) as calls:
            out = layer(x)
        parameters = [x, *layer.parameters()]
        first = torch.autograd.grad(out.square().sum(), parameters, create_graph=True)
        second = torch.autograd.grad(sum(each.square().sum() for each in first), parameters)
        steps.append((out, *first, *second))
        assert calls.count == (2 if act is nn.ReLU else 0)

    assert all(torch.equal(found, wanted) for found, wanted in zip(*steps, strict=True))


@pytest.mark.parametrize("part", [0, 1, 2], ids=["convolution", "norm", "activation"])
@pytest.mark.parametrize("hook", ["forward", "full_backward", "full_backward_pre"])
def test_no_hook_of_a_training_step_sees_what_works_in_place(part: int, hook: str) -> None:
    layer = in_training()
    name = f"register_{hook}_hook"
    getattr(layer.primary_conv[part], name)(lambda *_: None)

    with Calls(torch.relu_) as calls:
        layer(images().requires_grad_()).sum().backward()

    assert calls.count == 1


def test_a_layer_whose_forward_is_replaced_is_called_by_it() -> None:
    layer, calls = in_training(), []
    norm = layer.primary_conv[1]
    forward = norm.forward
    norm.forward = lambda x: (calls.append(1), forward(x))[1]

    layer(images())

    assert calls == [1]


NORMS = {
    "plain": lambda: nn.BatchNorm2d(4, eps=0.5),
    "without scale and shift": lambda: nn.BatchNorm2d(4, affine=False),
    "without statistics": lambda: nn.BatchNorm2d(4, track_running_stats=False),
    "whose scale is no parameter": lambda: rescaled(nn.BatchNorm2d(4)),
    "of another kind": lambda: nn.GroupNorm(2, 4),
}


def rescaled(norm: nn.Module) -> nn.Module:
    scale = norm.weight.detach() + 1
    del norm.weight
    norm.weight = scale
    return norm


@pytest.mark.parametrize("norm", NORMS)
def test_a_normalisation_computes_what_its_own_forward_does(norm: str) -> None:
    layers = [in_training(act).eval() for act in (nn.ReLU, Seen)]
    put = NORMS[norm]().eval()
    if norm == "plain":
        put.running_mean.uniform_(-1, 1)
        put.running_var.uniform_(0.5, 2)
    for layer in layers:
        layer.primary_conv[1] = put

    with torch.no_grad():
        found, wanted = (layer(images()) for layer in layers)

    assert torch.equal(found, wanted)
