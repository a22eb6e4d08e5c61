"""Re-parameterisation: the branches of a training form as the one convolution that computes them.

Written once, on canonical arrays: the deployed weights are the same bits in every framework. Sums
run in float64 and are rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from weights.architectures import Config, configure
from weights.bottleneck import GhostBottleneckConfig
from weights.branches import DEPLOYED, BranchesPlan
from weights.convolutions import ConvolutionPlan
from weights.errors import ArgumentError
from weights.ghost_conv_v3 import GhostConvV3Config
from weights.ghostnet import GhostNetConfig

Tensors = Mapping[str, np.ndarray]


def deployed(
    architecture: str, config: Mapping[str, Any], tensors: Tensors
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Configuration and tensors of the deployed form; what has no branches stays as it is.

    Raises `ArgumentError` for an architecture without branches, or a form that is deployed already.
    """
    training = configure(architecture, config)
    _check_form(architecture, training)
    target = replace(training, form=DEPLOYED)  # type: ignore[type-var]
    merged: dict[str, np.ndarray] = {}
    for path, name, plan, eps in _branches(training):
        weight, bias = merge(plan, {n.removeprefix(path): t for n, t in tensors.items()}, eps)
        dtype = next(iter(tensors.values())).dtype
        merged[f"{path}{name}.weight"] = weight.astype(dtype)
        merged[f"{path}{name}.bias"] = bias.astype(dtype)
    known = {**tensors, **merged}
    return target.to_dict(), {spec.name: known[spec.name] for spec in target.tensors()}


def merge(plan: BranchesPlan, tensors: Tensors, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias, in float64, of the convolution that computes the sum of the branches.

    A batch normalisation scales the kernel before it by weight / sqrt(var + eps); the 1x1 kernel
    and the identity stand at the centre of the larger one, where symmetric padding puts the input.
    """
    kernel = np.zeros(plan.convolution.kernel_shape)
    bias = np.zeros(plan.convolution.c_out)
    for part, norm in _parts(plan, tensors):
        scale = _vector(tensors, f"{norm}.weight") / np.sqrt(
            _vector(tensors, f"{norm}.running_var") + eps
        )
        kernel += _centred(part, kernel.shape) * scale.reshape(-1, 1, 1, 1)
        mean = _vector(tensors, f"{norm}.running_mean")
        bias += _vector(tensors, f"{norm}.bias") - mean * scale
    return kernel, bias


def identity_kernel(plan: ConvolutionPlan) -> np.ndarray:
    """The 1x1 kernel (O, I/groups, 1, 1) that passes every channel on."""
    kernel = np.zeros((*plan.kernel_shape[:2], 1, 1))
    for channel in range(plan.c_out):
        kernel[channel, channel % kernel.shape[1]] = 1
    return kernel


def _parts(plan: BranchesPlan, tensors: Tensors) -> Iterator[tuple[np.ndarray, str]]:
    """Every branch's kernel, and where its batch normalisation stands."""
    for index in range(plan.count):
        path = f"{plan.name}_rpr_conv.{index}"
        yield tensors[f"{path}.conv.weight"].astype(np.float64), f"{path}.bn1"
    if plan.scale:
        path = f"{plan.name}_rpr_scale"
        yield tensors[f"{path}.conv.weight"].astype(np.float64), f"{path}.bn1"
    if plan.skip:
        yield identity_kernel(plan.convolution), f"{plan.name}_rpr_skip"


def _centred(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The kernel with zeros around it."""
    around = [((wanted - size) // 2,) * 2 for wanted, size in zip(shape, kernel.shape, strict=True)]
    return np.pad(kernel, around)


def _vector(tensors: Tensors, name: str) -> np.ndarray:
    return tensors[name].astype(np.float64)


def _branches(config: Config) -> Iterator[tuple[str, str, BranchesPlan, float]]:
    """Every set of branches: the path before its names, the name of its deployed convolution."""
    match config:
        case GhostConvV3Config():
            for half in config.halves:
                yield "", f"{half.name}_conv.0", half, config.bn_eps
        case GhostBottleneckConfig():
            for path, ghost in (("ghost1.", config.ghost1), ("ghost2.", config.ghost2)):
                yield from _under(path, ghost)
            if config.strided_branches:
                yield "", "conv_dw", config.strided_branches, config.bn_eps
        case GhostNetConfig():
            for path, block in config.blocks():
                yield from _under(f"{path}.", block)


def _under(prefix: str, config: Config) -> Iterator[tuple[str, str, BranchesPlan, float]]:
    for path, name, plan, eps in _branches(config):
        yield f"{prefix}{path}", name, plan, eps


def _check_form(architecture: str, config: Config) -> None:
    if next(_branches(config), None) is None:
        raise ArgumentError(f"`module` must have branches to merge, got a {architecture} without")
    if getattr(config, "form", None) == DEPLOYED:
        raise ArgumentError("`module` must be in form 'training', got one that is deployed already")
