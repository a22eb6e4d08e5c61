"""Weights in and out: canonical names and layouts, strict, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import weights
from ghost_torch.attention import SqueezeExcite
from ghost_torch.bottleneck import GhostBottleneck
from ghost_torch.facts import facts
from ghost_torch.framework.computed import tensor_of, write
from ghost_torch.framework.kept import keep
from ghost_torch.ghost_conv import GhostConv, GhostConvV2
from ghost_torch.ghost_conv_v3 import GhostConvV3
from ghost_torch.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_torch.networks.resnet import GhostResNet20, GhostResNet56
from ghost_torch.networks.vgg import GhostVGG16
from ghost_torch.yolo import C3Ghost
from weights import hub
from weights.columns.actual import Facts
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.tensors import DTYPES, TensorSpec

ARCHITECTURES: dict[str, Any] = {
    "ghost_conv": GhostConv,
    "ghost_conv_v2": GhostConvV2,
    "ghost_conv_v3": GhostConvV3,
    "squeeze_excite": SqueezeExcite,
    "ghost_bottleneck": GhostBottleneck,
    "c3_ghost": C3Ghost,
    "ghostnet": GhostNet,
    "ghostnetv2": GhostNetV2,
    "ghostnetv3": GhostNetV3,
    "ghost_resnet20": GhostResNet20,
    "ghost_resnet56": GhostResNet56,
    "ghost_vgg16": GhostVGG16,
}
# NumPy has no bfloat16 that torch knows: its bits travel as integers.
BFLOAT16 = DTYPES["BF16"]


def save_weights(module: nn.Module, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of `module`; raises `weights.GhostError`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    weights.write_file(path, module.architecture, config, tensors, overwrite=overwrite)


def load_weights(
    module: nn.Module,
    path: PathLike,
    *,
    allow_missing: Sequence[str] = (),
    allow_invalid: bool = False,
) -> None:
    """Load an interchange file into `module`; raises `weights.MismatchError`, changing nothing.

    Tensors that match a pattern in `allow_missing`, such as `classifier.*`, keep the module's own
    values where the file has none of their shape. `allow_invalid` takes numbers that are not finite
    and negative variances.
    """
    file = weights.read_file(path, allow_invalid=allow_invalid)
    config = actual_plan(module).to_dict()
    chosen = weights.select(file, module.architecture, config, allow_missing)
    what = f"cannot load {path} into {type(module).__name__}"
    specs_of(module)
    _apply(module, chosen, what)


def from_file(path: PathLike, *, allow_invalid: bool = False) -> Any:
    """Build the module that the file describes, with its weights and its dtype.

    `allow_invalid` takes numbers that are not finite and negative variances.
    """
    file = weights.read_file(path, allow_invalid=allow_invalid)
    return build(file.architecture, file.config, file.tensors)


def from_hub(repository: str, **options: Any) -> Any:
    """Build the network that a repository of the Hugging Face hub holds.

    `options` are those of `weights.hub.fetch`: revision, cache_dir, offline, sha256.
    """
    content = hub.fetch(repository, **options)
    return build(content.architecture, content.config, content.tensors)


def build(architecture: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Any:
    """The module of that architecture and configuration, with these tensors and their dtype."""
    weights.configure(architecture, config)
    dtype = common_dtype(tensors)
    module = ARCHITECTURES[architecture](**config, dtype=getattr(torch, dtype.name))
    set_state(module, tensors)
    return module


def like(module: nn.Module, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Any:
    """Another configuration of `module` with these tensors: where it is, and in its mode."""
    made = build(module.architecture, config, tensors)
    keep(module, made)
    return made


def reset_classifier(module: nn.Module, num_classes: int, *, seed: int = 0) -> Any:
    """A new network with the weights of `module` and a fresh classifier, drawn from `seed`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    architecture = module.architecture
    config, tensors = weights.with_classes(architecture, config, tensors, num_classes, seed)
    return like(module, config, tensors)


def state(module: nn.Module) -> dict[str, np.ndarray]:
    """The tensors of `module` as NumPy arrays of their own, canonical names and layout."""
    return {spec.name: to_canonical(variable_of(module, spec), spec) for spec in specs_of(module)}


def set_state(module: nn.Module, tensors: Mapping[str, np.ndarray]) -> None:
    """The reverse of `state`; raises `weights.MismatchError`, changing nothing."""
    whole = weights.Selection(specs_of(module), dict(tensors), [])
    _apply(module, whole, f"cannot set the state of {type(module).__name__}")


def _apply(module: Any, chosen: weights.Selection, what: str) -> None:
    tensors, specs = chosen.tensors, chosen.specs
    variables = {spec.name: variable_of(module, spec) for spec in specs}
    dtypes = {name: _dtype(variable) for name, variable in variables.items()}
    weights.check_tensors(specs, tensors, dtypes=dtypes, what=what, earlier=chosen.problems)
    values = [to_native(tensors[spec.name], spec, variables[spec.name]) for spec in specs]
    write(module, variables, dict(zip(variables, values, strict=True)), what)


def specs_of(module: Any) -> list[TensorSpec]:
    """The tensors that the module has, by canonical name, kind and shape."""
    return list(actual_plan(module).tensors())


def actual_plan(module: Any) -> weights.Config:
    """The configuration of what the module is now.

    Raises `weights.ArgumentError` for a module that was changed into what none describes.
    """
    weights.check_module(module, ARCHITECTURES)
    fresh = _fresh_facts(module.architecture, json.dumps(module.config))
    return weights.actual(module.plan, facts(module), fresh)


@lru_cache(maxsize=64)
def _fresh_facts(architecture: str, config: str) -> Facts:
    return facts(ARCHITECTURES[architecture](**json.loads(config), device="meta"))


def variable_of(module: nn.Module, spec: TensorSpec) -> Tensor:
    """The module's own variable for a tensor."""
    variable = tensor_of(module, spec.name)
    if variable.shape != spec.shape:
        raise weights.ArgumentError(
            f"`module` must have '{spec.name}' of shape {spec.shape}, got {tuple(variable.shape)}: "
            "gather what is spread over processes, put back what was changed by hand"
        )
    if variable.is_meta:
        raise weights.ArgumentError(
            "`module` must hold values, got tensors on the meta device, which have shapes only: "
            "call module.to_empty(device='cpu') first, build it with from_file, or take away the "
            "hooks that hold its values elsewhere"
        )
    return variable


def _dtype(variable: Tensor) -> np.dtype:
    name = str(variable.dtype).removeprefix("torch.")
    return BFLOAT16 if name == "bfloat16" else np.dtype(name)


def to_canonical(variable: Tensor, spec: TensorSpec) -> np.ndarray:
    """A variable, or an array of its layout, as a NumPy array of its own."""
    whole = variable.full_tensor() if hasattr(variable, "full_tensor") else variable
    tensor = whole.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint16).numpy().view(BFLOAT16).copy()
    return tensor.numpy().copy()


def to_native(array: np.ndarray, spec: TensorSpec, variable: Tensor) -> Tensor:
    """A canonical array as the framework holds it."""
    if array.dtype == BFLOAT16:
        bits = torch.from_numpy(np.array(array.view(np.uint16), order="C"))
        return bits.view(torch.bfloat16).to(variable.device)
    # Copied only where PyTorch would complain: what is made of it is copied into the variable.
    return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(variable.device)
