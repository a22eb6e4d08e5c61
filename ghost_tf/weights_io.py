"""Weights in and out: canonical names and layouts, strict, all or nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

import keras
import numpy as np
from keras import ops

import weights
from ghost_tf.attention import SqueezeExcite
from ghost_tf.bottleneck import GhostBottleneck
from ghost_tf.facts import facts
from ghost_tf.framework.data_format import native_shape
from ghost_tf.framework.variables import ATTRIBUTES, numpy_dtype
from ghost_tf.ghost_conv import GhostConv, GhostConvV2
from ghost_tf.ghost_conv_v3 import GhostConvV3
from ghost_tf.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_tf.networks.resnet import GhostResNet20, GhostResNet56
from ghost_tf.networks.vgg import GhostVGG16
from ghost_tf.saving.planned import Planned
from ghost_tf.yolo import C3Ghost
from weights import hub
from weights.columns.actual import Facts
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.layout import (
    from_channels_last,
    from_depth_multiplier,
    to_channels_last,
    to_depth_multiplier,
)
from weights.tensors import DEPTHWISE, TensorSpec

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


def save_weights(module: keras.layers.Layer, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of `module`; raises `weights.GhostError`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    weights.write_file(path, module.architecture, config, tensors, overwrite=overwrite)


def load_weights(
    module: keras.layers.Layer,
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
    module = ARCHITECTURES[architecture](**config, dtype=dtype.name)
    set_state(module, tensors)
    return module


def like(module: Any, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Any:
    """Another configuration of `module` with these tensors: where it is, and in its mode."""
    options = Planned.get_config(module)
    twin = ARCHITECTURES[module.architecture].from_config({**options, **config})
    twin.build_like(module)
    set_state(twin, tensors)
    return twin


def reset_classifier(module: keras.layers.Layer, num_classes: int, *, seed: int = 0) -> Any:
    """A new network with the weights of `module` and a fresh classifier, drawn from `seed`."""
    config, tensors = actual_plan(module).to_dict(), state(module)
    architecture = module.architecture
    config, tensors = weights.with_classes(architecture, config, tensors, num_classes, seed)
    return like(module, config, tensors)


def state(module: keras.layers.Layer) -> dict[str, np.ndarray]:
    """The tensors of `module` as NumPy arrays of their own, canonical names and layout."""
    return {spec.name: to_canonical(variable_of(module, spec), spec) for spec in specs_of(module)}


def set_state(module: keras.layers.Layer, tensors: Mapping[str, np.ndarray]) -> None:
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
        variable.assign(value)


def specs_of(module: Any) -> list[TensorSpec]:
    """The tensors that the module has, by canonical name, kind and shape."""
    plan = actual_plan(module)
    if not module.built:
        shape = (None, module.plan.input_channels, None, None)
        module.build(native_shape(shape, module.data_format))
    return list(plan.tensors())


def actual_plan(module: Any) -> weights.Config:
    """The configuration of what the module is now.

    Raises `weights.ArgumentError` for a module that was changed into what none describes.
    """
    weights.check_module(module, ARCHITECTURES)
    fresh = _fresh_facts(module.architecture, json.dumps(module.config))
    return weights.actual(module.plan, facts(module), fresh)


@lru_cache(maxsize=64)
def _fresh_facts(architecture: str, config: str) -> Facts:
    drawn = random.getstate()  # from which Keras draws the seeds of what is made
    fresh = ARCHITECTURES[architecture](**json.loads(config), name="fresh")
    random.setstate(drawn)
    return facts(fresh)


def variable_of(module: keras.layers.Layer, spec: TensorSpec) -> keras.Variable:
    """The module's own variable for a tensor."""
    path, _, _ = spec.name.rpartition(".")
    return getattr(reduce(_child, path.split("."), module), ATTRIBUTES[spec.kind])


def _child(module: keras.layers.Layer, name: str) -> Any:
    return module[int(name)] if name.isdigit() else getattr(module, name)


def _dtype(variable: keras.Variable) -> np.dtype:
    return numpy_dtype(variable)


def to_canonical(variable: keras.Variable, spec: TensorSpec) -> np.ndarray:
    """A variable, or an array of its layout, as a NumPy array of its own."""
    is_variable = isinstance(variable, keras.Variable)
    array = variable.numpy() if is_variable else ops.convert_to_numpy(variable)
    if spec.kind == DEPTHWISE:
        return np.array(from_depth_multiplier(array))
    return np.array(from_channels_last(array, spec))


def to_native(array: np.ndarray, spec: TensorSpec, variable: keras.Variable) -> np.ndarray:
    """A canonical array as the framework holds it."""
    if spec.kind == DEPTHWISE:
        return to_depth_multiplier(array, variable.shape[2])
    return to_channels_last(array, spec)
