"""A small network for scikit-learn's digits, as a user writes it in every framework."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.columns import Column

CONVOLUTIONS = {"conv1": (1, 16), "conv2": (16, 32), "conv3": (32, 32)}
HELD_OUT = 450
# What the linear layer reads.
FLATTEN = {"fc": (32, 4, 4)}


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 8, 8) and labels; the last `HELD_OUT` are for testing."""
    found = pytest.importorskip("sklearn.datasets").load_digits()
    order = np.random.default_rng(0).permutation(len(found.images))
    return found.images[order, None].astype(np.float32) / 16, found.target[order]


def accuracy(column: Column, network: Any) -> float:
    """The part of the digits held out that the network tells."""
    images, labels = digits()
    logits = column.run(network, images[-HELD_OUT:])
    return float(np.mean(logits.argmax(1) == labels[-HELD_OUT:]))


def digits_network(column: Column, *, pooled: bool = False) -> Any:
    """Three convolutions with normalisation and ReLU, and a linear layer; not trained.

    It reads all positions, or, where they are `pooled`, the means over them.
    """
    build = {"ghost_torch": _torch, "ghost_jax": _flax, "ghost_tf": _keras}
    return build[column.package.__name__](pooled)


def train(network: Any, epochs: int = 8) -> None:
    """Train the network of PyTorch, a matter of seconds.

    The rate falls to nothing: else it is luck of the processor what the last steps have moved.
    """
    import torch

    images, labels = (torch.from_numpy(array[:-HELD_OUT]) for array in digits())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            loss = torch.nn.functional.cross_entropy(network(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    network.eval()


def _torch(pooled: bool) -> Any:
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for number, (name, (c_in, c_out)) in enumerate(CONVOLUTIONS.items(), 1):
                setattr(self, name, nn.Conv2d(c_in, c_out, 3, padding=1))
                setattr(self, f"norm{number}", nn.BatchNorm2d(c_out))
            self.fc = nn.Linear(32 if pooled else 512, 10)

        def forward(self, x: Any) -> Any:
            x = self.norm1(self.conv1(x)).relu()
            x = self.norm2(self.conv2(x)).relu()
            x = nn.functional.max_pool2d(x, 2)
            x = self.norm3(self.conv3(x)).relu()
            return self.fc(x.mean((2, 3)) if pooled else x.flatten(1))

    torch.manual_seed(0)
    return Network()


def _flax(pooled: bool) -> Any:
    nnx = importlib.import_module("flax.nnx")

    class Network(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            ones = {"kernel_init": nnx.initializers.ones}  # nothing to compile
            for number, (name, (c_in, c_out)) in enumerate(CONVOLUTIONS.items(), 1):
                setattr(self, name, nnx.Conv(c_in, c_out, (3, 3), rngs=rngs, **ones))
                setattr(self, f"norm{number}", nnx.BatchNorm(c_out, momentum=0.9, rngs=rngs))
            self.fc = nnx.Linear(32 if pooled else 512, 10, rngs=rngs, **ones)

        def __call__(self, x: Any) -> Any:
            x = nnx.relu(self.norm1(self.conv1(x)))
            x = nnx.relu(self.norm2(self.conv2(x)))
            x = nnx.max_pool(x, (2, 2), (2, 2))
            x = nnx.relu(self.norm3(self.conv3(x)))
            return self.fc(x.mean((1, 2)) if pooled else x.reshape(len(x), -1))

    return Network()


def _keras(pooled: bool) -> Any:
    keras = importlib.import_module("keras")
    inputs = x = keras.Input((8, 8, 1))
    for number, (name, (_, c_out)) in enumerate(CONVOLUTIONS.items(), 1):
        x = keras.layers.Conv2D(c_out, 3, padding="same", name=name)(x)
        norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm{number}")
        x = keras.layers.ReLU(name=f"relu{number}")(norm(x))
        if number == 2:
            x = keras.layers.MaxPooling2D(name="pool")(x)
    layers = keras.layers
    x = (layers.GlobalAveragePooling2D if pooled else layers.Flatten)(name="flatten")(x)
    return keras.Model(inputs, keras.layers.Dense(10, name="fc")(x))
