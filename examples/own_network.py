"""A small network of GhostConvs, trained in PyTorch, then the same in Flax and Keras.

`python examples/own_network.py` prints how many of the held-out digits each classifies alike;
docs/porting-a-network.md tells what is in it, step by step.
"""

import contextlib
import tempfile
from pathlib import Path

with contextlib.suppress(ImportError):
    import triton  # before TensorFlow, which it does not bear after it  # noqa: F401

import jax.numpy as jnp
import keras
import numpy as np
import torch
from flax import nnx
from keras import layers
from sklearn.datasets import load_digits
from torch import nn

import ghost_jax
import ghost_tf
import ghost_torch

# What the linear layer reads is an image of these channels, height and width, flattened.
FLATTEN = {"fc": (32, 4, 4)}
HELD_OUT = 400


class TorchNetwork(nn.Module):
    """Channels first: its flattened images are in the order C, H, W."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.body = ghost_torch.GhostConv(16, 32, 3, stride=2, padding=1)
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        """Shapes: x: (N, 1, 8, 8) to (N, 10)."""
        x = self.body(self.norm(self.stem(x)).relu())
        return self.fc(x.flatten(1))


class FlaxNetwork(nnx.Module):
    """Channels last: its flattened images are in the order H, W, C."""

    def __init__(self, rngs):
        self.stem = nnx.Conv(1, 16, (3, 3), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(16, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.body = ghost_jax.GhostConv(16, 32, 3, stride=2, padding=1, rngs=rngs)
        self.fc = nnx.Linear(512, 10, rngs=rngs)

    def __call__(self, x):
        """Shapes: x: (N, 8, 8, 1) to (N, 10)."""
        x = self.body(nnx.relu(self.norm(self.stem(x))))
        return self.fc(x.reshape(len(x), -1))


def keras_network():
    """Channels last; the layers' names are their paths."""
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm")(x)
    x = ghost_tf.GhostConv(16, 32, 3, stride=2, padding=1, name="body")(layers.ReLU()(x))
    return keras.Model(image, layers.Dense(10, name="fc")(layers.Flatten()(x)))


def digits():
    """Images (N, 1, 8, 8) of scikit-learn's digits, from 0 to 1, and their labels."""
    found = load_digits()
    return (found.images[:, None] / 16).astype(np.float32), found.target


def train(network, images, labels, steps=60):
    """Take a few steps of Adam, and leave the network in evaluation."""
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(steps):
        chosen = np.random.default_rng(step).integers(len(images), size=64)
        logits = network(torch.from_numpy(images[chosen]))
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def logits_of(network, images, path):
    """The logits of the held-out images in each framework, all from the file at `path`."""
    ghost_torch.save_weights(network, path, flatten=FLATTEN)

    flax = FlaxNetwork(nnx.Rngs(0))
    ghost_jax.load_weights(flax, path)
    flax.eval()
    model = keras_network()
    ghost_tf.load_weights(model, path)
    last = images.transpose(0, 2, 3, 1)
    with torch.no_grad():
        first = network(torch.from_numpy(images)).numpy()
    return {
        "PyTorch": first,
        "Flax": np.asarray(flax(jnp.asarray(last))),
        "Keras": np.asarray(model(last)),
    }


def main():
    """Train, port, compare."""
    images, labels = digits()
    torch.manual_seed(0)
    network = train(TorchNetwork(), images[:-HELD_OUT], labels[:-HELD_OUT])
    with tempfile.TemporaryDirectory() as folder:
        logits = logits_of(network, images[-HELD_OUT:], Path(folder, "digits.safetensors"))
    for name, each in logits.items():
        right = (each.argmax(1) == labels[-HELD_OUT:]).sum()
        alike = (each.argmax(1) == logits["PyTorch"].argmax(1)).sum()
        furthest = np.abs(each - logits["PyTorch"]).max()
        print(f"{name}: {right} of {HELD_OUT} right, {alike} as in PyTorch, {furthest:.1e} apart")


if __name__ == "__main__":
    main()
