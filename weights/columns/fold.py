"""Re-parameterisation: branches and batch normalisations inside the convolutions before them.

Written once, on canonical arrays: the deployed weights are the same bits in every framework. Sums
run in float64 and are rounded once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from weights import checks
from weights.errors import ArgumentError
from weights.modules.bottleneck import BottleneckConfig
from weights.modules.convolutions import BranchesPlan, ConvolutionPlan
from weights.modules.forms import DEPLOYED, FOLDED, TRAINING
from weights.modules.ghost_conv_v3 import GhostConvV3Config
from weights.modules.rep_ghost import RepGhostConvConfig
from weights.networks.architectures import Config, configure
from weights.networks.ghostnet import BottleneckNetworkConfig
from weights.tensors import CONVOLUTION, CONVOLUTION_BIAS, DEPTHWISE, NORM_WEIGHT

Tensors = Mapping[str, np.ndarray]


def deployed(
    architecture: str, config: Mapping[str, Any], tensors: Tensors, form: str = FOLDED
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Configuration and tensors of another form that computes the same in inference.

    Form `deployed` merges branches, `folded` every batch normalisation too that follows a
    convolution. Raises `ArgumentError` where there is nothing to merge.
    """
    current = configure(architecture, config)
    check_target(form)
    _check_current(architecture, current, form)
    dtype = next(iter(tensors.values())).dtype
    target = configure(architecture, current.to_dict() | {"form": form})
    new = dict(_merged_branches(current, tensors))
    if form == FOLDED:
        new |= _folded_norms(current, tensors)
    rounded = {name: array.astype(dtype) for name, array in new.items()}
    known = {**tensors, **rounded}
    return target.to_dict(), {spec.name: known[spec.name] for spec in target.tensors()}


def _merged_branches(config: Config, tensors: Tensors) -> Iterator[tuple[str, np.ndarray]]:
    """Kernel and bias of every set of branches, in float64."""
    branches = _branches(config) if getattr(config, "form", None) == TRAINING else ()
    for path, name, plan, eps in branches:
        own = {n.removeprefix(path): t for n, t in tensors.items()}
        weight, bias = merge(plan, own, eps)
        yield f"{path}{name}.weight", weight
        yield f"{path}{name}.bias", bias


def _folded_norms(config: Any, tensors: Tensors) -> Iterator[tuple[str, np.ndarray]]:
    """Kernel and bias of every convolution that a batch normalisation follows, in float64."""
    before: list[str] = []  # the tensors of the convolution that ends here, if one does
    for spec in config.tensors():
        if spec.kind == NORM_WEIGHT and before:
            scale, shift = affine(tensors, spec.name.removesuffix(".weight"), config.bn_eps)
            weight, *bias = (tensors[name].astype(np.float64) for name in before)
            yield before[0], weight * scale.reshape(-1, 1, 1, 1)
            yield f"{before[0].removesuffix('weight')}bias", sum(bias) * scale + shift
        kernel = [spec.name] if spec.kind in (CONVOLUTION, DEPTHWISE) else []
        before = [*before, spec.name] if spec.kind == CONVOLUTION_BIAS else kernel


def affine(tensors: Tensors, norm: str, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift, in float64, that a batch normalisation is in inference."""
    weight, bias, mean, var = (
        tensors[f"{norm}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(var + eps)
    return scale, bias - mean * scale


def merge(plan: BranchesPlan, tensors: Tensors, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias, in float64, of the convolution that computes the sum of the branches.

    A batch normalisation scales the kernel before it by weight / sqrt(var + eps); the 1x1 kernel
    and the identity stand at the centre of the larger one, where symmetric padding puts the input.
    """
    kernel = np.zeros(plan.convolution.kernel_shape)
    bias = np.zeros(plan.convolution.c_out)
    for part, norm in _parts(plan, tensors):
        scale, shift = affine(tensors, norm, eps)
        kernel += _centred(part, kernel.shape) * scale.reshape(-1, 1, 1, 1)
        bias += shift
    return kernel, bias


def identity_kernel(plan: ConvolutionPlan) -> np.ndarray:
    """The 1x1 kernel (O, I/groups, 1, 1) that passes every channel on."""
    group = plan.c_in // plan.groups
    return np.tile(np.eye(group), (plan.c_out // group, 1))[:, :, None, None]


def _parts(plan: BranchesPlan, tensors: Tensors) -> Iterator[tuple[np.ndarray, str]]:
    """Every branch's kernel, and where its batch normalisation stands."""
    for path, norm, _ in plan.convolutions():
        yield tensors[f"{path}.weight"].astype(np.float64), norm
    if plan.skip:
        yield identity_kernel(plan.convolution), plan.skip_norm


def _centred(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The kernel with zeros around it."""
    around = [((wanted - size) // 2,) * 2 for wanted, size in zip(shape, kernel.shape, strict=True)]
    return np.pad(kernel, around)


def _branches(config: Config) -> Iterator[tuple[str, str, BranchesPlan, float]]:
    """Every set of branches: the path before its names, the name of its deployed convolution."""
    match config:
        case GhostConvV3Config():
            for half in config.halves:
                yield "", f"{half.name}_conv.0", half, config.bn_eps
        case RepGhostConvConfig():
            yield "", "cheap_conv", config.cheap, config.bn_eps
        case BottleneckConfig():
            for path, ghost in (("ghost1.", config.ghost1), ("ghost2.", config.ghost2)):
                yield from _under(path, ghost)
            if config.strided_branches:
                yield "", "conv_dw", config.strided_branches, config.bn_eps
        case BottleneckNetworkConfig():
            for path, block in config.blocks():
                yield from _under(f"{path}.", block)


def _under(prefix: str, config: Config) -> Iterator[tuple[str, str, BranchesPlan, float]]:
    for path, name, plan, eps in _branches(config):
        yield f"{prefix}{path}", name, plan, eps


def check_target(form: object) -> None:
    """Raise `ArgumentError` for what is no form to deploy to."""
    checks.choice("form", form, (DEPLOYED, FOLDED))


def _check_current(architecture: str, config: Config, form: str) -> None:
    found = getattr(config, "form", TRAINING)
    if found in (form, FOLDED):
        raise ArgumentError(
            f"`module` must be in form 'training', got one that is in form '{found}' already"
        )
    if form == DEPLOYED and next(_branches(config), None) is None:
        raise ArgumentError(f"`module` must have branches to merge, got a {architecture} without")
    if NORM_WEIGHT not in {spec.kind for spec in config.tensors()}:
        raise ArgumentError(
            f"`module` must have batch normalisations to fold, got a {architecture} without"
        )
