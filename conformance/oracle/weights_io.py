"""Weights in and out: canonical names and layouts, strict, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np

import weights
from conformance.oracle.attention import SqueezeExcite
from conformance.oracle.bottleneck import GhostBottleneck
from conformance.oracle.facts import facts
from conformance.oracle.ghost_conv import GhostConv, GhostConvV2
from conformance.oracle.ghost_conv_v3 import GhostConvV3
from conformance.oracle.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from conformance.oracle.networks.resnet import GhostResNet20, GhostResNet56
from conformance.oracle.networks.vgg import GhostVGG16
from conformance.oracle.yolo import C3Ghost
from weights import hub
from weights.columns.actual import Facts
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.tensors import TensorSpec

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


def save_weights(module: Any, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of `module`; raises `weights.GhostError`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    weights.write_file(path, module.architecture, config, tensors, overwrite=overwrite)


def load_weights(
    module: Any,
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
    module = ARCHITECTURES[architecture](**config, dtype=dtype)
    set_state(module, tensors)
    return module


def like(module: Any, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Any:
    """Another configuration of `module` with these tensors: where it is, and in its mode."""
    return build(module.architecture, config, tensors)


def reset_classifier(module: Any, num_classes: int, *, seed: int = 0) -> Any:
    """A new network with the weights of `module` and a fresh classifier, drawn from `seed`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    architecture = module.architecture
    config, tensors = weights.with_classes(architecture, config, tensors, num_classes, seed)
    return like(module, config, tensors)


def state(module: Any) -> dict[str, np.ndarray]:
    """The tensors of `module` as NumPy arrays of their own, canonical names and layout."""
    return {spec.name: to_canonical(variable_of(module, spec), spec) for spec in specs_of(module)}


def set_state(module: Any, tensors: Mapping[str, np.ndarray]) -> None:
    """The reverse of `state`; raises `weights.MismatchError`, changing nothing."""
    whole = weights.Selection(specs_of(module), dict(tensors), [])
    _apply(module, whole, f"cannot set the state of {type(module).__name__}")


def _apply(module: Any, chosen: weights.Selection, what: str) -> None:
    tensors, specs = chosen.tensors, chosen.specs
    variables = {spec.name: variable_of(module, spec) for spec in specs}
    dtypes = {name: _dtype(variable) for name, variable in variables.items()}
    weights.check_tensors(specs, tensors, dtypes=dtypes, what=what, earlier=chosen.problems)
    values = [to_native(tensors[spec.name], spec, variables[spec.name]) for spec in specs]
    for variable, value in zip(variables.values(), values, strict=True):
        variable[...] = value


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
    return facts(ARCHITECTURES[architecture](**json.loads(config)))


def variable_of(module: Any, spec: TensorSpec) -> np.ndarray:
    """The module's own variable for a tensor."""
    path, _, leaf = spec.name.rpartition(".")
    return getattr(reduce(_child, path.split("."), module), leaf)


def _child(module: Any, name: str) -> Any:
    return module[int(name)] if name.isdigit() else getattr(module, name)


def _dtype(variable: np.ndarray) -> np.dtype:
    return variable.dtype


def to_canonical(variable: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """A variable, or an array of its layout, as a NumPy array of its own."""
    return variable.copy()


def to_native(array: np.ndarray, spec: TensorSpec, variable: np.ndarray) -> np.ndarray:
    """A canonical array as the framework holds it."""
    return array
