"""A `state_dict` of the seed's class loads unchanged, and back."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import ghost_torch

CONFIGS = [
    {"c_in": 6, "c_out": 8},
    {"c_in": 3, "c_out": 16, "kernel_size": 3, "stride": 2, "padding": 1},
    {"c_in": 4, "c_out": 12, "ratio": 3, "dw_kernel_size": 5},
    {"c_in": 4, "c_out": 6, "ratio": 1},
    {"c_in": 4, "c_out": 6, "ratio": 0.5},
]
in_every_config = pytest.mark.parametrize("config", CONFIGS, ids=str)


class TwoSequentials(nn.Module):
    """The structure of the seed's class: one or two of convolution, normalisation, ReLU."""

    def __init__(self, c_in: int, c_out: int, ratio: float = 2, **options: Any) -> None:
        super().__init__()
        window = options.pop("dw_kernel_size", 3)
        primary = round(c_out / ratio)
        ghosts = c_out - primary
        kernel = options.pop("kernel_size", 1)
        self.c_out = c_out
        self.primary_conv = triple(nn.Conv2d(c_in, primary, kernel, bias=False, **options))
        depthwise = {"padding": window // 2, "groups": primary, "bias": False}
        self.cheap_conv = (
            triple(nn.Conv2d(primary, ghosts, window, **depthwise)) if ghosts > 0 else None
        )

    def forward(self, x: Any) -> Any:
        halves = [self.primary_conv(x)]
        if self.cheap_conv:
            halves.append(self.cheap_conv(halves[0]))
        return torch.cat(halves, dim=1)[:, : self.c_out]


def triple(conv: nn.Conv2d) -> nn.Sequential:
    """A convolution with what follows it."""
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU())


def trained(module: nn.Module, c_in: int) -> nn.Module:
    """The module after a few steps, so that no tensor has the value it started with."""
    torch.manual_seed(0)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        module(torch.randn(4, c_in, 7, 7)).square().mean().backward()
        optimiser.step()
    return module


def assert_same(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The same names in the same order, the same bits."""
    assert list(got) == list(wanted)
    assert [name for name in wanted if not torch.equal(got[name], wanted[name])] == []


@in_every_config
def test_a_state_dict_of_the_seeds_class_loads_strictly(config: dict[str, Any]) -> None:
    seeds = trained(TwoSequentials(**config), config["c_in"]).state_dict()
    layer = ghost_torch.GhostConv(**config)

    layer.load_state_dict(seeds, strict=True)

    assert_same(layer.state_dict(), seeds)


@in_every_config
def test_a_state_dict_loads_strictly_into_the_seeds_class(config: dict[str, Any]) -> None:
    ours = trained(ghost_torch.GhostConv(**config), config["c_in"]).state_dict()
    layer = TwoSequentials(**config)

    layer.load_state_dict(ours, strict=True)

    assert_same(layer.state_dict(), ours)


@in_every_config
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_the_same_state_dict_gives_the_same_output(config: dict[str, Any], training: bool) -> None:
    seeds = trained(TwoSequentials(**config), config["c_in"]).train(training)
    layer = ghost_torch.GhostConv(**config).train(training)
    layer.load_state_dict(seeds.state_dict())
    x = torch.randn(2, config["c_in"], 7, 7, generator=torch.Generator().manual_seed(1))

    assert torch.equal(layer(x), seeds(x))
    assert_same(layer.state_dict(), seeds.state_dict())
