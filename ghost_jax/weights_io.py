"""Weights in and out: canonical names and layouts, strict, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

import jax
import numpy as np
from flax import nnx

import weights
from ghost_jax.attention import SqueezeExcite
from ghost_jax.bottleneck import GhostBottleneck
from ghost_jax.facts import facts
from ghost_jax.framework.abstract import abstract, seed_dropout, settle
from ghost_jax.framework.options import check_dtype
from ghost_jax.ghost_conv import GhostConv, GhostConvV2
from ghost_jax.ghost_conv_v3 import GhostConvV3
from ghost_jax.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_jax.networks.resnet import GhostResNet20, GhostResNet56
from ghost_jax.networks.vgg import GhostVGG16
from ghost_jax.yolo import C3Ghost
from weights import hub
from weights.columns.actual import Facts
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.layout import from_channels_last, to_channels_last
from weights.tensors import (
    CONVOLUTION,
    CONVOLUTION_BIAS,
    DEPTHWISE,
    LINEAR,
    LINEAR_BIAS,
    NORM_BIAS,
    NORM_WEIGHT,
    RUNNING_MEAN,
    RUNNING_VAR,
    TensorSpec,
)

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
ATTRIBUTES = {
    CONVOLUTION: "kernel",
    CONVOLUTION_BIAS: "bias",
    DEPTHWISE: "kernel",
    LINEAR: "kernel",
    LINEAR_BIAS: "bias",
    NORM_WEIGHT: "scale",
    NORM_BIAS: "bias",
    RUNNING_MEAN: "mean",
    RUNNING_VAR: "var",
}


def save_weights(module: nnx.Module, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of `module`; raises `weights.GhostError`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    weights.write_file(path, module.architecture, config, tensors, overwrite=overwrite)


def load_weights(
    module: nnx.Module,
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
    module = _abstract(architecture, config, dtype)
    seed_dropout(module, nnx.Rngs(0))
    set_state(module, tensors)
    return module


def like(module: Any, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Any:
    """Another configuration of `module` with these tensors: where it is, and in its mode."""
    made = _abstract(module.architecture, config, common_dtype(tensors))
    settle(made, module)
    set_state(made, tensors)
    return made


def reset_classifier(module: nnx.Module, num_classes: int, *, seed: int = 0) -> Any:
    """A new network with the weights of `module` and a fresh classifier, drawn from `seed`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    architecture = module.architecture
    config, tensors = weights.with_classes(architecture, config, tensors, num_classes, seed)
    return like(module, config, tensors)


def state(module: nnx.Module) -> dict[str, np.ndarray]:
    """The tensors of `module` as NumPy arrays of their own, canonical names and layout."""
    return {spec.name: to_canonical(variable_of(module, spec), spec) for spec in specs_of(module)}


def set_state(module: nnx.Module, tensors: Mapping[str, np.ndarray]) -> None:
    """The reverse of `state`; raises `weights.MismatchError`, changing nothing."""
    whole = weights.Selection(specs_of(module), dict(tensors), [])
    _apply(module, whole, f"cannot set the state of {type(module).__name__}")


def _apply(module: Any, chosen: weights.Selection, what: str) -> None:
    tensors, specs = chosen.tensors, chosen.specs
    variables = {spec.name: variable_of(module, spec) for spec in specs}
    dtypes = {name: _dtype(variable) for name, variable in variables.items()}
    weights.check_tensors(specs, tensors, dtypes=dtypes, what=what, earlier=chosen.problems)
    values = [to_native(tensors[spec.name], spec, variables[spec.name]) for spec in specs]
    values = _placed(values, list(variables.values()))
    for variable, value in zip(variables.values(), values, strict=True):
        variable.set_value(value)


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
    return facts(_abstract(architecture, json.loads(config), np.float32))


def _abstract(architecture: str, config: Mapping[str, Any], dtype: Any) -> Any:
    """The checked module without values."""
    config = weights.configure(architecture, config).to_dict()
    check_dtype("param_dtype", dtype)
    return abstract(ARCHITECTURES[architecture], config, np.dtype(dtype))


def variable_of(module: nnx.Module, spec: TensorSpec) -> nnx.Variable:
    """The module's own variable for a tensor."""
    path, _, _ = spec.name.rpartition(".")
    return getattr(reduce(_child, path.split("."), module), ATTRIBUTES[spec.kind])


def _child(module: nnx.Module, name: str) -> Any:
    return module[int(name)] if name.isdigit() else getattr(module, name)


def _dtype(variable: nnx.Variable) -> np.dtype:
    return np.dtype(variable.dtype)


def to_canonical(variable: nnx.Variable, spec: TensorSpec) -> np.ndarray:
    """A variable, or an array of its layout, as a NumPy array of its own."""
    value = variable.get_value()
    if isinstance(value, jax.ShapeDtypeStruct):
        raise weights.ArgumentError(
            "`module` must hold values, got an abstract one, which has shapes only: give it some "
            "with set_state or load_weights, or build it with from_file"
        )
    return np.array(from_channels_last(np.asarray(value), spec))


def to_native(array: np.ndarray, spec: TensorSpec, variable: nnx.Variable) -> np.ndarray:
    """A canonical array as the framework holds it."""
    # A copy of our own: JAX may keep the buffer that it is given.
    return np.array(to_channels_last(array, spec))


def _placed(values: list[np.ndarray], variables: list[nnx.Variable]) -> list[jax.Array]:
    """Arrays where the variables are; all at once, which takes half the time."""
    places = [getattr(variable.get_value(), "sharding", None) for variable in variables]
    return jax.device_put(values, None if None in places else places)
