"""One network as a user writes it in each framework: of every kind of layer that all three have."""

from __future__ import annotations

from typing import Any

import numpy as np

FLATTEN = {"fc": (6, 3, 5)}
MODULES = ("stem", "norm", "act", "ghost", "dw", "up", "gn", "down", "fc", "att", "ln", "emb")


def torch_network(seed: int = 0) -> Any:
    """In PyTorch, with normalisations that are not fresh."""
    import torch
    from torch import nn

    import ghost_torch

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, (3, 5), padding=(1, 2))
            self.norm = nn.BatchNorm2d(8)
            self.act = nn.PReLU(8)
            self.ghost = ghost_torch.GhostConv(8, 12, 3, padding=1, ratio=3)
            self.dw = nn.Conv2d(12, 24, 3, padding=1, groups=12, bias=False)
            self.up = nn.ConvTranspose2d(24, 10, 3, stride=2)
            self.gn = nn.GroupNorm(2, 10)
            self.down = nn.Conv2d(10, 6, 3, stride=3)
            self.fc = nn.Linear(90, 8)
            self.att = nn.MultiheadAttention(8, 2, batch_first=True)
            self.ln = nn.LayerNorm(8)
            self.emb = nn.Embedding(5, 8)

        def forward(self, x: Any, words: Any) -> Any:
            x = self.dw(self.ghost(self.act(self.norm(self.stem(x)))))
            x = self.fc(self.down(self.gn(self.up(x))).flatten(1))
            x = x[:, None] + self.emb(words)
            return self.ln(self.att(x, x, x)[0])

    torch.manual_seed(seed)
    network = Network().eval()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return network


def jax_network(*, transpose_kernel: bool = False) -> Any:
    """In Flax, channels last; all zeros, since XLA compiles the draw of every shape."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    import ghost_jax

    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            options = {"padding": "VALID", "rngs": rngs}
            self.stem = nnx.Conv(3, 8, (3, 5), rngs=rngs)
            self.norm = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
            self.act = nnx.PReLU()
            self.act.negative_slope = nnx.Param(jnp.zeros(8))
            self.ghost = ghost_jax.GhostConv(8, 12, 3, padding=1, ratio=3, rngs=rngs)
            self.dw = nnx.Conv(12, 24, (3, 3), feature_group_count=12, use_bias=False, rngs=rngs)
            self.up = nnx.ConvTranspose(
                24, 10, (3, 3), (2, 2), transpose_kernel=transpose_kernel, **options
            )
            self.gn = nnx.GroupNorm(10, 2, epsilon=1e-5, rngs=rngs)
            self.down = nnx.Conv(10, 6, (3, 3), 3, **options)
            self.fc = nnx.Linear(90, 8, rngs=rngs)
            self.att = nnx.MultiHeadAttention(2, 8, decode=False, rngs=rngs)
            self.ln = nnx.LayerNorm(8, epsilon=1e-5, rngs=rngs)
            self.emb = nnx.Embed(5, 8, rngs=rngs)

        def __call__(self, x: Any, words: Any) -> Any:
            x = self.dw(self.ghost(self.act(self.norm(self.stem(x)))))
            x = self.down(self.gn(self.up(x)))
            x = self.fc(x.reshape(x.shape[0], -1))
            return self.ln(self.att(x[:, None] + self.emb(words)))

    def zero(shape: Any) -> Any:
        is_key = jax.dtypes.issubdtype(shape.dtype, jax.dtypes.prng_key)
        return jax.random.key(0) if is_key else jnp.zeros(shape.shape, shape.dtype)

    graph, shapes = nnx.split(nnx.eval_shape(lambda: Network(nnx.Rngs(0))))
    network = nnx.merge(graph, jax.tree.map(zero, shapes))
    network.eval()
    return network


def keras_network() -> Any:
    """In Keras, channels last; it has seen an input."""
    import keras

    import ghost_tf

    layers = keras.layers

    class Network(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.stem = layers.Conv2D(8, (3, 5), padding="same")
            self.norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
            self.act = layers.PReLU(shared_axes=(1, 2))
            self.ghost = ghost_tf.GhostConv(8, 12, 3, padding=1, ratio=3)
            self.dw = layers.DepthwiseConv2D(3, 1, "same", depth_multiplier=2, use_bias=False)
            self.up = layers.Conv2DTranspose(10, 3, 2)
            self.gn = layers.GroupNormalization(2, epsilon=1e-5)
            self.down = layers.Conv2D(6, 3, 3)
            self.flat = layers.Flatten()
            self.fc = layers.Dense(8)
            self.att = layers.MultiHeadAttention(2, 4)
            self.ln = layers.LayerNormalization(epsilon=1e-5)
            self.emb = layers.Embedding(5, 8)

        def call(self, x: Any, words: Any) -> Any:
            x = self.dw(self.ghost(self.act(self.norm(self.stem(x)))))
            x = self.fc(self.flat(self.down(self.gn(self.up(x)))))
            x = x[:, None] + self.emb(words)
            return self.ln(self.att(x, x))

    network = Network()
    network(np.zeros((1, 5, 8, 3), np.float32), np.zeros((1, 3), np.int32))
    return network


NETWORKS = {"ghost_torch": torch_network, "ghost_jax": jax_network, "ghost_tf": keras_network}
