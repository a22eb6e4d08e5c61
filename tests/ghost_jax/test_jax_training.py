"""An ordinary Flax NNX training loop with the layer inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.stripes import striped_images

pytest.importorskip("flax")
pytest.importorskip("optax")

import jax
import optax
from flax import nnx

import ghost_jax

pytestmark = pytest.mark.slow  # XLA compiles whole training steps


class Classifier(nnx.Module):
    """A small classifier made of one layer."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.ghost = ghost_jax.GhostConv(3, 9, 3, stride=3, rngs=rngs)
        self.linear = nnx.Linear(81, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.linear(self.ghost(x).reshape(len(x), -1))


def batch() -> tuple[np.ndarray, np.ndarray]:
    """All images of the task, channels last, and their classes."""
    images, labels = striped_images()
    return images.transpose(0, 2, 3, 1), labels


@nnx.jit
def step(model: Any, optimiser: Any, images: Any, labels: Any) -> jax.Array:
    """One step of an ordinary loop; the loss before it."""

    def loss_of(model: Any) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()

    loss, gradients = nnx.value_and_grad(loss_of)(model)
    optimiser.update(model, gradients)
    return loss


def losses(model: Any, steps: int) -> list[float]:
    """The loss before every step."""
    model.train()
    optimiser = nnx.Optimizer(model, optax.sgd(0.05, momentum=0.9), wrt=nnx.Param)
    return [float(step(model, optimiser, *batch())) for _ in range(steps)]


def test_a_training_loop_lowers_the_loss() -> None:
    history = losses(Classifier(nnx.Rngs(0)), steps=20)

    assert history[-1] < 0.1 * history[0]


def test_a_training_loop_changes_every_tensor() -> None:
    model = Classifier(nnx.Rngs(0))
    before = ghost_jax.state(model.ghost)

    losses(model, steps=1)

    after = ghost_jax.state(model.ghost)
    assert [name for name in before if (before[name] == after[name]).all()] == []


@pytest.mark.matrix
def test_a_training_loop_lowers_the_loss_of_a_network() -> None:
    history = losses(ghost_jax.GhostResNet20(num_classes=3, rngs=nnx.Rngs(0)), steps=6)

    assert history[-1] < 0.5 * history[0]
