"""GhostConv of the layers that each framework ships, with the constants of the contract.

Implementations as anybody would plug them in: they know nothing of the three packages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from conformance.implementations.errors import NotSupported
from weights import GhostConvConfig
from weights.modules.arguments import leaky_slope

Tensors = Mapping[str, np.ndarray]
Half = Callable[[Any], Any]


class Stock:
    """A GhostConv of two halves; `axis` is that of the channels, `join` concatenates on it."""

    def __init__(self, plan: GhostConvConfig, halves: list[Half], join: Half, axis: int) -> None:
        self.plan = plan
        self.module = self
        self._halves, self._join, self._axis = halves, join, axis

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        given = x if self._axis == 1 else x.transpose(0, 2, 3, 1)
        out = np.asarray(self.forward(np.ascontiguousarray(given)))
        return out if self._axis == 1 else out.transpose(0, 3, 1, 2)

    def forward(self, x: Any) -> Any:
        """The output in the framework's own order of axes."""
        first, *second = self._halves
        made = [first(x)]
        made += [half(made[0]) for half in second]
        kept = (slice(None),) * self._axis + (slice(self.plan.c_out),)
        return self._join(made)[kept]


class StockTorch(Stock):
    """The same of modules of PyTorch, which train too."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        import torch

        with torch.no_grad():
            return self.forward(torch.tensor(x)).numpy()

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        """Output, gradients and statistics of a training step."""
        import torch

        halves: dict[str, Any] = dict(zip(HALVES, self._halves, strict=False))
        modules = torch.nn.ModuleDict(halves)
        given = torch.tensor(x, requires_grad=True)
        modules.train()
        out = self.forward(given)
        modules.eval()
        names, parameters = zip(*modules.named_parameters(), strict=True)
        found = torch.autograd.grad(out, [given, *parameters], torch.tensor(output_cotangent))
        grad_input, *grads = (each.numpy() for each in found)
        state = {n: b.numpy() for n, b in modules.named_buffers() if ".running_" in n}
        return {
            "output": out.detach().numpy(), "grad_input": grad_input,
            "grads": dict(zip(names, grads, strict=True)), "state": state,
        }  # fmt: skip


HALVES = ("primary_conv", "cheap_conv")


def torch_layers(architecture: str, config: Mapping[str, Any], weights: Tensors) -> Stock:
    """Conv2d, BatchNorm2d and an activation of PyTorch."""
    import torch
    from torch import nn

    plan = _plan(architecture, config)
    activations = {
        "relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU, "hard_swish": nn.Hardswish,
        "identity": nn.Identity,
    }  # fmt: skip

    def half(name: str, conv: Any) -> Any:
        norm = nn.BatchNorm2d(conv.c_out, plan.bn_eps, plan.bn_momentum)
        layer = nn.Conv2d(
            conv.c_in, conv.c_out, conv.kernel_size, conv.stride, conv.padding, conv.dilation,
            conv.groups, conv.bias,
        )  # fmt: skip
        slope = leaky_slope(plan.activation)
        act = nn.LeakyReLU(slope) if slope else activations[plan.activation]()
        made = nn.Sequential(layer, norm, act)
        own = {n.removeprefix(f"{name}."): torch.tensor(a) for n, a in weights.items() if name in n}
        made.load_state_dict(own, strict=False)
        return made.eval()

    return StockTorch(plan, _halves(plan, half), lambda made: torch.cat(made, 1), 1)


def keras_layers(architecture: str, config: Mapping[str, Any], weights: Tensors) -> Stock:
    """ZeroPadding2D, Conv2D or DepthwiseConv2D, BatchNormalization and an activation of Keras."""
    import keras

    layers = keras.layers
    plan = _plan(architecture, config)
    if max(plan.stride) > 1 and max(plan.dilation) > 1:
        raise NotSupported("Keras' Conv2D has no stride together with dilation")

    def half(name: str, conv: Any) -> Any:
        arrays = _arrays(name, weights)
        common = {"strides": conv.stride, "use_bias": conv.bias, "dilation_rate": conv.dilation}
        if name == "cheap_conv":
            multiplier = conv.c_out // conv.c_in
            layer = layers.DepthwiseConv2D(conv.kernel_size, depth_multiplier=multiplier, **common)
            kernel = arrays[0].transpose(2, 3, 1, 0).reshape(*conv.kernel_size, -1, multiplier)
        else:
            layer = layers.Conv2D(conv.c_out, conv.kernel_size, groups=conv.groups, **common)
            kernel = arrays[0].transpose(2, 3, 1, 0)
        norm = layers.BatchNormalization(epsilon=plan.bn_eps, momentum=1 - plan.bn_momentum)
        around = layers.ZeroPadding2D(tuple((size, size) for size in conv.padding))
        names = {"identity": "linear"}
        slope = leaky_slope(plan.activation)
        name = names.get(plan.activation, plan.activation)
        act = layers.LeakyReLU(slope) if slope else layers.Activation(name)
        made = keras.Sequential([around, layer, norm, act])
        made.build((None, None, None, conv.c_in))
        layer.set_weights([kernel, *arrays[1:-4]])
        norm.set_weights(arrays[-4:])
        return made

    return Stock(plan, _halves(plan, half), lambda made: keras.ops.concatenate(made, -1), 3)


def flax_layers(architecture: str, config: Mapping[str, Any], weights: Tensors) -> Stock:
    """Conv and BatchNorm of Flax NNX, and an activation of JAX, compiled."""
    import jax
    from flax import nnx

    plan = _plan(architecture, config)
    activations = {
        "relu": jax.nn.relu, "relu6": jax.nn.relu6, "silu": jax.nn.silu,
        "hard_swish": jax.nn.hard_swish, "identity": _identity,
    }  # fmt: skip

    def half(name: str, conv: Any) -> Any:
        kernel, *bias, weight, shift, mean, var = _arrays(name, weights)
        rngs = nnx.Rngs(0)
        layer = nnx.Conv(
            conv.c_in, conv.c_out, conv.kernel_size, conv.stride,
            padding=tuple((size, size) for size in conv.padding), kernel_dilation=conv.dilation,
            feature_group_count=conv.groups, use_bias=conv.bias, rngs=rngs,
        )  # fmt: skip
        norm = nnx.BatchNorm(conv.c_out, use_running_average=True, epsilon=plan.bn_eps, rngs=rngs)
        variables: list[Any] = [layer.kernel, *([layer.bias] if bias else [])]
        variables += [norm.scale, norm.bias, norm.mean, norm.var]
        values = [kernel.transpose(2, 3, 1, 0), *bias, weight, shift, mean, var]
        for variable, value in zip(variables, values, strict=True):
            variable[...] = jax.numpy.asarray(value)
        slope = leaky_slope(plan.activation)
        leaky = partial(jax.nn.leaky_relu, negative_slope=slope or 0.0)
        made = nnx.Sequential(layer, norm, leaky if slope else activations[plan.activation])
        return partial(_compiled(), made)

    return Stock(plan, _halves(plan, half), lambda made: jax.numpy.concatenate(made, -1), 3)


@cache
def _compiled() -> Callable[..., Any]:
    """The call of a module, compiled once for all modules of the same layers and sizes."""
    from flax import nnx

    return nnx.jit(lambda module, x: module(x))


def _plan(architecture: str, config: Mapping[str, Any]) -> GhostConvConfig:
    if architecture != "ghost_conv":
        raise NotSupported("it is a GhostConv alone")
    plan = GhostConvConfig(**config)
    if plan.folded:
        raise NotSupported("it has no form without batch normalisations")
    return plan


def _identity(x: Any) -> Any:
    return x


def _halves(plan: GhostConvConfig, half: Callable[[str, Any], Half]) -> list[Half]:
    plans = [plan.primary, *([plan.cheap] if plan.cheap else [])]
    return [half(name, conv) for name, conv in zip(HALVES, plans, strict=False)]


def _arrays(name: str, weights: Tensors) -> list[np.ndarray]:
    """The kernel of a half, its bias where it has one, and the four vectors of its norm."""
    names = ("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var")
    paths = [f"{name}.{each}" for each in names]
    return [weights[path] for path in paths if path in weights]
