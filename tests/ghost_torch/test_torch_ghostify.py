"""`replace_convolutions` on PyTorch modules: in place, whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from ghost_torch import GhostConv, replace_convolutions


class Stubborn(nn.Module):
    """A module that gives no convolution away."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, GhostConv):
            raise RuntimeError("mine")
        super().__setattr__(name, value)


class Conv2dSame(nn.Conv2d):
    """A convolution of its own class."""


def hooked() -> nn.Conv2d:
    conv = nn.Conv2d(8, 8, 3)
    conv.register_forward_hook(lambda module, inputs, output: None)
    return conv


def block(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()
    )


BOUND = "it is parametrised, or has hooks, which would be lost"
LEFT = [
    (nn.Conv1d(8, 8, 3), "a 1-D convolution, GhostConv is 2-D"),
    (nn.Conv3d(8, 8, 3), "a 3-D convolution, GhostConv is 2-D"),
    (nn.ConvTranspose2d(8, 8, 3), "a transposed convolution"),
    (nn.Conv2d(8, 8, 3, groups=8), "a depthwise convolution, cheap already"),
    (nn.Conv2d(8, 8, 3, padding_mode="reflect"), "it pads with 'reflect', GhostConv with zeros"),
    (
        nn.Conv2d(8, 8, 2, padding="same"),
        "it pads one side more than the other, GhostConv pads both alike; got kernel_size 2, "
        "stride 1",
    ),
    (Conv2dSame(8, 8, 3), "it is of a class of its own, Conv2dSame"),
    (hooked(), BOUND),
    (nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 8, 3)), BOUND),
    (
        nn.Conv2d(8, 8, 3, dtype=torch.complex64),
        "its kernel is of complex64, no floating point type",
    ),
]


@pytest.mark.parametrize(("conv", "reason"), LEFT, ids=lambda value: type(value).__name__)
def test_what_is_left_has_a_reason(conv: nn.Module, reason: str) -> None:
    model = nn.Sequential(conv)

    _, report = replace_convolutions(model)

    assert [each.reason for each in report.kept] == [reason]
    assert model[0] is conv


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_lazy_convolution_is_left() -> None:
    model = nn.Sequential(nn.LazyConv2d(8, 3))

    _, report = replace_convolutions(model)

    assert report.kept[0].reason.startswith("it has seen no input yet")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantised_convolution_is_left() -> None:
    model = nn.Sequential(torch.ao.nn.quantized.Conv2d(8, 8, 3))

    _, report = replace_convolutions(model)

    assert report.kept[0].reason == "it is quantised"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_convolution_is_left() -> None:
    model = nn.Sequential(torch.jit.script(nn.Conv2d(8, 8, 3)))

    _, report = replace_convolutions(model)

    assert report.kept[0].reason == "it is compiled by TorchScript"


def test_convolutions_with_one_kernel_are_left() -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
    model[1].weight = model[0].weight

    _, report = replace_convolutions(model)

    assert [each.reason for each in report.kept] == ["it shares parameters with another module"] * 2


def test_a_module_in_two_places_is_replaced_in_both() -> None:
    shared = block(16, 16)
    model = nn.ModuleDict({"a": nn.Sequential(shared, shared), "b": shared[0]})

    _, report = replace_convolutions(model)

    assert isinstance(model["b"], GhostConv)
    assert model["a"][0][0] is model["a"][1][0] is model["b"]
    assert [(each.path, each.aliases) for each in report.replaced] == [("a.0.0", ("a.1.0", "b"))]


def test_the_model_is_changed_in_place() -> None:
    model = block(16, 16)

    replaced, _ = replace_convolutions(model)

    assert replaced is model
    assert [type(each) for each in model] == [GhostConv, nn.BatchNorm2d, nn.ReLU]


def test_device_type_and_mode_are_kept() -> None:
    model = block(16, 16).to("meta", torch.bfloat16).eval()

    replace_convolutions(model)

    weight = model[0].primary_conv[0].weight
    assert (weight.device.type, weight.dtype) == ("meta", torch.bfloat16)
    assert not any(module.training for module in model.modules())


def test_what_was_frozen_stays_so_and_is_noted() -> None:
    model = block(16, 16).requires_grad_(False)

    _, report = replace_convolutions(model)

    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert report.replaced[0].notes == ("frozen as it was, though its weights are fresh",)


def test_a_module_that_refuses_leaves_all_as_they_were() -> None:
    shared = nn.Sequential(nn.Conv2d(8, 8, 3))
    model = nn.Sequential(shared, shared, Stubborn())
    before = list(model.modules())

    with pytest.raises(RuntimeError, match="mine"):
        replace_convolutions(model)

    assert all(new is old for new, old in zip(model.modules(), before, strict=True))


@pytest.mark.slow
def test_a_replaced_model_trains() -> None:
    torch.manual_seed(0)
    model, _ = replace_convolutions(nn.Sequential(block(3, 16), nn.Flatten(), nn.Linear(1024, 3)))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}

    x = torch.randn(4, 3, 8, 8)
    nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 0])).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()

    assert [
        name for name, value in model.named_parameters() if torch.equal(value, before[name])
    ] == []
