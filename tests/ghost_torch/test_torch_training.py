"""An ordinary PyTorch training loop with the layer inside."""

from __future__ import annotations

import pytest

from tests.training.stripes import striped_images

pytest.importorskip("torch")

import torch
from torch import nn

import ghost_torch


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """All images of the task, and their classes."""
    images, labels = striped_images()
    return torch.from_numpy(images), torch.from_numpy(labels)


def losses(model: nn.Module, steps: int) -> list[float]:
    """The loss before every step of an ordinary loop."""
    images, labels = batch()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    history = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    return history


def classifier() -> nn.Sequential:
    """A small classifier made of one layer."""
    torch.manual_seed(0)
    layer = ghost_torch.GhostConv(3, 9, 3, stride=3)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(81, 3))


def test_a_training_loop_lowers_the_loss() -> None:
    history = losses(classifier(), steps=20)

    assert history[-1] < 0.1 * history[0]


def test_a_training_loop_changes_every_tensor() -> None:
    model = classifier()
    before = ghost_torch.state(model[0])

    losses(model, steps=1)

    after = ghost_torch.state(model[0])
    assert [name for name in before if (before[name] == after[name]).all()] == []


def test_a_training_loop_lowers_the_loss_of_a_network() -> None:
    torch.manual_seed(0)

    history = losses(ghost_torch.GhostResNet20(num_classes=3), steps=6)

    assert history[-1] < 0.5 * history[0]


def test_automatic_mixed_precision_trains_with_float32_parameters() -> None:
    model, (images, labels) = classifier(), batch()

    with torch.autocast("cpu", torch.bfloat16):
        output = model(images)
    nn.functional.cross_entropy(output.float(), labels).backward()

    assert output.dtype == torch.bfloat16
    assert {parameter.grad.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_frozen_normalisation_keeps_its_statistics() -> None:
    layer = classifier()[0].eval()
    before = ghost_torch.state(layer)

    layer(batch()[0]).sum().backward()

    after = ghost_torch.state(layer)
    assert [name for name in before if (before[name] != after[name]).any()] == []
    assert layer.primary_conv[0].weight.grad is not None


def test_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(0)
    layer = ghost_torch.GhostConv(2, 3, 2, activation="silu", dtype=torch.float64)
    x = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))
