"""PyTorch: eager in both memory formats, and torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

import ghost_torch
from benchmarks.measure import emit, rows
from benchmarks.shapes import BATCHES, NETWORKS, Shape, layer_shapes
from ghost_torch import weights_io

LAST = torch.channels_last


class Plain(nn.Sequential):
    """The convolution that a GhostConv replaces, with or without its batch normalisation."""

    def __init__(self, shape: Shape, *, norm: bool) -> None:
        arguments = (shape.c_in, shape.c_out, shape.kernel_size, shape.stride, shape.padding)
        conv = nn.Conv2d(*arguments, bias=not norm)
        super().__init__(conv, *([nn.BatchNorm2d(shape.c_out)] if norm else []), nn.ReLU(True))


class Naive(nn.Module):
    """The layer as anyone would write it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        inner = shape.c_out // shape.ratio
        arguments = (shape.c_in, inner, shape.kernel_size, shape.stride, shape.padding)
        self.primary = nn.Sequential(
            nn.Conv2d(*arguments, bias=False), nn.BatchNorm2d(inner), nn.ReLU(True)
        )
        outer = shape.c_out - inner
        cheap = nn.Conv2d(inner, outer, 3, 1, 1, groups=inner, bias=False)
        self.cheap = nn.Sequential(cheap, nn.BatchNorm2d(outer), nn.ReLU(True))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        primary = self.primary(x)
        return torch.cat([primary, self.cheap(primary)], 1)


class OneBuffer(nn.Module):
    """A deployed 1x1 GhostConv that writes both halves into one output, without a concatenation."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.primary, self.cheap = layer.primary_conv[0], layer.cheap_conv[0]

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, C, H, W) to (N, C', H, W)."""
        inner, (batch, channels, height, width) = self.primary.out_channels, x.shape
        sizes = (batch, inner + self.cheap.out_channels, height, width)
        out = torch.empty(sizes, memory_format=LAST)
        positions = out.permute(0, 2, 3, 1).view(-1, sizes[1])[:, :inner]
        weight, flat = self.primary.weight[:, :, 0, 0].t(), x.permute(0, 2, 3, 1)
        torch.addmm(self.primary.bias, flat.reshape(-1, channels), weight, out=positions)
        primary = out[:, :inner].relu_()
        torch.clamp_min(self.cheap(primary), 0, out=out[:, inner:])
        return out


def layer(*, quick: bool) -> None:
    """Every shape, forward and a training step."""
    for shape in layer_shapes(quick=quick):
        torch.compiler.reset()  # after eight shapes it would compile no more
        x, modules = image(shape), trained(shape)
        forward = {name: forward_of(module, x) for name, module in modules.items()}
        forward |= deployed(Plain(shape, norm=False), "plain deployed", x)
        ours = ghost_torch.deploy(modules["ours"])
        if shape.kernel_size == 1:
            forward["ours deployed, one buffer"] = forward_of(OneBuffer(ours), last_of(x))
        forward |= deployed(ours, "ours deployed", x)
        emit(rows("torch", "layer", str(shape), "forward", forward, quick=quick))
        emit(rows("torch", "layer", str(shape), "forward + backward", steps(shape), quick=quick))
    for shape in () if quick else (Shape(256, 256, 1, 14),):
        torch.compiler.reset()
        x, ours = image(shape), ghost_torch.deploy(ghost_torch.GhostConv(**shape.arguments))
        forward = deployed(Plain(shape, norm=False), "plain deployed", x)
        forward |= deployed(ours, "ours deployed", x)
        emit(rows("torch", "layer", str(shape), "forward", forward, quick=quick))


def trained(shape: Shape) -> dict[str, nn.Module]:
    """The layer as anyone would write it, the convolution that it replaces, and ours."""
    ours = ghost_torch.GhostConv(**shape.arguments)
    return {"naive": Naive(shape), "plain": Plain(shape, norm=True), "ours": ours}


def steps(shape: Shape) -> dict[str, Callable[[], Any]]:
    """Training steps, each waiting for its gradients."""
    return {name: step_of(module, image(shape)) for name, module in trained(shape).items()}


def last_of(x: Tensor) -> Tensor:
    """The same in the channels-last memory format."""
    return x.contiguous(memory_format=LAST)


def image(shape: Shape) -> Tensor:
    """Random numbers."""
    return torch.randn(shape.batch, shape.c_in, shape.size, shape.size)


def network(*, quick: bool) -> None:
    """Every network, and the same one with plain convolutions."""
    for name, architecture, config, size in NETWORKS[:1] if quick else NETWORKS:
        kind = weights_io.ARCHITECTURES[architecture]
        ours, plain = kind(**config), kind(**config, ratio=1)
        for batch in BATCHES:
            torch.compiler.reset()
            x = torch.randn(batch, 3, size, size)
            runs = {"plain": forward_of(plain, x), "ours": forward_of(ours, x)}
            runs |= deployed(ghost_torch.deploy(plain), "plain deployed", x)
            runs |= deployed(ghost_torch.deploy(ours), "ours deployed", x)
            runs |= in_cpp(ghost_torch.deploy(ours), "ours deployed", x)
            emit(rows("torch", "network", f"{name} batch {batch}", "forward", runs, quick=quick))


def deployed(module: nn.Module, name: str, x: Tensor) -> dict[str, Callable[[], Any]]:
    """A module for inference alone: in both memory formats, and compiled."""
    rowwise = deepcopy(module).to(memory_format=torch.contiguous_format)
    module = module.to(memory_format=LAST)
    last = last_of(x)
    return {
        name: forward_of(module, last),
        f"{name}, channels first": forward_of(rowwise, x),
        f"{name}, compiled": forward_of(torch.compile(deepcopy(module)), last),
    }


def in_cpp(module: nn.Module, name: str, x: Tensor) -> dict[str, Callable[[], Any]]:
    """Compiled with constants folded and without Python between the kernels."""
    compiled = torch.compile(module, options={"freezing": True, "cpp_wrapper": True})
    last = last_of(x)
    return {f"{name}, compiled, C++ wrapper": forward_of(compiled, last)}


def forward_of(module: Any, x: Tensor) -> Callable[[], Any]:
    """Inference."""
    module = deepcopy(module).eval() if isinstance(module, nn.Module) else module

    @torch.no_grad()
    def run() -> Any:
        return module(x)

    return run


def step_of(module: nn.Module, x: Tensor) -> Callable[[], Any]:
    """Output and gradients of everything, in training."""
    module, x = deepcopy(module).train(), x.clone().requires_grad_()
    parameters = list(module.parameters())

    def run() -> Any:
        return torch.autograd.grad(module(x).square().sum(), [x, *parameters])

    return run
