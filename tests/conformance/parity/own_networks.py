"""A small network as users write it in each framework, and the usual mistakes of a port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weights import read_file

SHAPE = (2, 3, 16, 16)
FLATTEN = {"fc": (12, 4, 4)}


def torch_network(seed: int = 0) -> Any:
    """In PyTorch, with statistics that are not fresh."""
    import torch
    from torch import nn

    import ghost_torch

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.norm = nn.BatchNorm2d(8)
            self.act = nn.ReLU()
            self.ghost = ghost_torch.GhostConv(8, 12, 3, padding=1)
            self.pool = nn.MaxPool2d(2)
            self.flat = nn.Flatten()
            self.drop = nn.Dropout(0.0)
            self.fc = nn.Linear(192, 10)

        def forward(self, x: Any) -> Any:
            x = self.act(self.norm(self.stem(x)))
            return self.fc(self.drop(self.flat(self.pool(self.ghost(x)))))

    torch.manual_seed(seed)
    network = Network()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
        network.norm.running_var.uniform_(0.002, 0.05)
    return network


def jax_network() -> Any:
    """In Flax, channels last."""
    import jax
    from flax import nnx

    import ghost_jax

    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.stem = nnx.Conv(3, 8, (3, 3), 2, padding=1, rngs=rngs)
            self.norm = nnx.BatchNorm(8, momentum=0.9, epsilon=1e-5, rngs=rngs)
            self.ghost = ghost_jax.GhostConv(8, 12, 3, padding=1, rngs=rngs)
            self.fc = nnx.Linear(192, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = self.ghost(jax.nn.relu(self.norm(self.stem(x))))
            x = nnx.max_pool(x, (2, 2), (2, 2))
            return self.fc(x.reshape(len(x), -1))

    return Network(nnx.Rngs(0))


def keras_network(fault: str = "") -> Any:
    """In Keras, channels last; with a mistake by its name."""
    import keras
    from keras import layers, ops

    import ghost_tf

    is_same, drops = fault == "same padding", fault == "dropout"

    class Network(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.pad = layers.Identity() if is_same else layers.ZeroPadding2D(1)
            padding = "same" if is_same else "valid"
            self.stem = layers.Conv2D(8, 3, 2, padding, use_bias=fault != "no bias")
            self.norm = layers.BatchNormalization(
                epsilon=1e-3 if fault == "eps" else 1e-5,
                momentum=0.1 if fault == "momentum" else 0.9,
            )
            self.act = layers.Activation("silu" if fault == "activation" else "relu")
            self.ghost = ghost_tf.GhostConv(8, 12, 3, padding=1)
            self.pool = layers.MaxPooling2D(2)
            self.flat = layers.Flatten()
            self.drop = layers.Dropout(0.5 if drops else 0.0, seed=1)
            self.fc = layers.Dense(10)

        def call(self, x: Any, training: bool = False) -> Any:
            x = self.stem(self.pad(x))
            x = self.act(self.norm(x, training=training or fault == "batch statistics"))
            if fault == "axes swapped":
                x = ops.transpose(x, (0, 2, 1, 3))
            x = self.pool(self.ghost(x))
            if fault == "factor":
                x = 2 * x
            return self.fc(self.drop(self.flat(x), training=training or drops))

    return Network()


def ported_network(fault: str, path: Path) -> Any:
    """A Keras network with a mistake, given the weights of a file as far as it takes them."""
    import ghost_tf

    right, network = keras_network(), keras_network(fault)
    for each in (right, network):
        each(np.zeros((1, *SHAPE[2:], 3), np.float32))
    ghost_tf.load_weights(right, path)
    for name in ("stem", "norm", "ghost", "fc"):
        there, here = getattr(right, name).weights, getattr(network, name).weights
        for source, target in zip(there, here, strict=fault != "no bias"):
            target.assign(source)
    if fault == "kernel swapped":
        network.stem.kernel.assign(network.stem.kernel.numpy().swapaxes(0, 1))
    if fault == "flatten":
        network.fc.kernel.assign(read_file(path).tensors["fc.weight"].T)
    return network


def activation_network() -> Any:
    """The network of Keras with another activation."""
    return keras_network("activation")


def shared_network(port: bool = False) -> Any:
    """In PyTorch: a module that is called twice, one that returns a tuple, one that a port joins.

    The port has another name for a module, an activation inside another, and a wrong second call.
    """
    import torch
    from torch import nn

    class Halves(nn.Module):
        def forward(self, x: Any) -> Any:
            return x / 2, {"double": 2 * x}

    class Joined(nn.Linear):
        def forward(self, x: Any) -> Any:
            return torch.relu(super().forward(x))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            linear = (Joined if port else nn.Linear)(3, 3)
            setattr(self, "trunk" if port else "body", linear)
            if not port:
                self.relu = nn.ReLU()
            self.halves = Halves()
            self.shared = nn.Tanh()

        def forward(self, x: Any) -> Any:
            x = self.trunk(x) if port else self.relu(self.body(x))
            half, both = self.halves(x)
            x = self.shared(half) + both["double"]
            return self.shared(x + 1 if port else x)

    return Network()


def shared_port() -> Any:
    """The port of it."""
    return shared_network(port=True)
