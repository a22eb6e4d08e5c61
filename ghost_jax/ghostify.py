"""A model's convolutions replaced by ghost convolutions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.ghost_conv import GhostConv
from ghost_jax.weights_io import ARCHITECTURES
from weights import ArgumentError, GhostConvConfig, ghostify
from weights.ghostified import Ghostified
from weights.ghostify import FoundConvolution, Rules

GHOSTS = tuple(ARCHITECTURES.values())
# How modules say that they are in evaluation.
MODES = ("use_running_average", "deterministic")


def replace_convolutions(
    model: nnx.Module,
    ratio: float = 2,
    dw_kernel_size: int = 3,
    *,
    split: str = "round",
    activation: str = "relu",
    bn_eps: float = 1e-5,
    bn_momentum: float = 0.1,
    exclude: Sequence[str] = (),
    include: Sequence[str] = ("*",),
    min_channels: int = 4,
    rngs: nnx.Rngs,
) -> tuple[Any, Ghostified]:
    """The model with GhostConv in place of convolutions, and a report of what was left and why.

    The model is changed in place and returned; a GhostConv has the shapes of the convolution, and
    fresh weights: make the optimiser afterwards. `exclude` and `include` are patterns of module
    paths, `layer1.*`; convolutions with fewer than `min_channels` outputs are left.

    Raises `weights.ArgumentError`, changing nothing.

    >>> rngs = nnx.Rngs(0)
    >>> stem = nnx.Conv(3, 32, (3, 3), use_bias=False, rngs=rngs)
    >>> model = nnx.Sequential(stem, nnx.relu, nnx.Conv(32, 2, (1, 1), rngs=rngs))
    >>> replace_convolutions(model, rngs=rngs)[1]
    1 convolution replaced (864 weights now 576), 1 left
      replaced  layers.0  3 to 32 channels, kernel 3x3, 864 weights now 576
      left      layers.2  it has 2 output channels, fewer than `min_channels` = 4
    """
    batch_norm = (bn_eps, bn_momentum)
    choice = (exclude, include, min_channels)
    rules = Rules(ratio, dw_kernel_size, split, activation, *batch_norm, *choice)
    _check_model(model)
    places = list(_places(Place("", None, None, model)))
    report = rules.judge(_found(model, places), [place.path for place in places])
    modules = {place.path: place.module for place in places}
    ghosts = {
        modules[each.path]: _ghost(modules[each.path], each.config, rngs)
        for each in report.replaced
    }
    if _is_in_evaluation(model):
        for ghost in ghosts.values():
            ghost.eval()
    _replace(places, ghosts)
    return model, report


@dataclass(frozen=True)
class Place:
    """Where a module stands: in an attribute, or in a list, dict or tuple."""

    path: str
    parent: Any
    key: Any
    module: Any

    def put(self, module: nnx.Module) -> None:
        """Let another module stand there."""
        if isinstance(self.parent, nnx.Pytree):
            setattr(self.parent, self.key, module)
        else:
            self.parent[self.key] = module


def _check_model(model: Any) -> None:
    if not isinstance(model, nnx.Module):
        raise ArgumentError(f"`model` must be a flax.nnx.Module, got {type(model).__name__}")
    if _is_convolution(model):
        raise ghostify.refuse_root(type(model).__name__)


def _places(place: Place, above: tuple[Any, ...] = ()) -> Iterator[Place]:
    """Every module at every place; nothing inside the modules of this package."""
    node = place.module
    if isinstance(node, nnx.Pytree):
        yield place
    if isinstance(node, GHOSTS) or any(node is each for each in above):
        return
    for key, child in _children(node):
        path = f"{place.path}.{key}" if place.path else str(key)
        yield from _places(Place(path, node, key, child), (*above, node))


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        items = node.items() if isinstance(node, dict) else vars(node).items()
    kinds = (nnx.Pytree, list, tuple, dict)
    return ((key, child) for key, child in items if isinstance(child, kinds))


def _found(model: nnx.Module, places: list[Place]) -> Iterator[FoundConvolution]:
    by_module, users = defaultdict(list), _users(model)
    for place in places:
        by_module[place.module].append(place)
    for module, own in by_module.items():
        paths = tuple(place.path for place in own)
        if isinstance(module, GHOSTS):
            yield FoundConvolution(paths, ghostify.ALREADY.format(type(module).__name__))
        elif _is_convolution(module):
            obstacle = _obstacle(module, users) or _obstacle_of_places(own)
            arguments, notes = ({}, ()) if obstacle else (_arguments(module), _notes(module))
            yield FoundConvolution(paths, obstacle, arguments, notes)


def _users(model: nnx.Module) -> dict[int, int]:
    """How many modules have each variable, by its identity."""
    users: dict[int, int] = defaultdict(int)
    for _, module in nnx.iter_modules(model):
        for value in vars(module).values():
            if isinstance(value, nnx.Variable):
                users[id(value)] += 1
    return users


def _is_convolution(module: Any) -> bool:
    return isinstance(module, (nnx.Conv, nnx.ConvTranspose))


def _obstacle(conv: Any, users: Mapping[int, int]) -> str:
    """Why the convolution cannot be replaced, whatever is asked for; empty where it can."""
    if isinstance(conv, nnx.ConvTranspose):
        return ghostify.TRANSPOSED
    if len(conv.kernel_size) != 2:
        return ghostify.OTHER_RANK.format(len(conv.kernel_size))
    if type(conv) is not nnx.Conv:
        return ghostify.OWN_CLASS.format(type(conv).__name__)
    if str(conv.padding).lower() in ("circular", "reflect", "causal"):
        return ghostify.PADDING_MODE.format(conv.padding.lower())
    return _obstacle_of_function(conv) or _obstacle_of_kernel(conv, users)


def _obstacle_of_function(conv: nnx.Conv) -> str:
    if conv.mask is not None:
        return "its kernel is masked"
    if _pair(conv.input_dilation) != (1, 1):
        return "it dilates its input, as a transposed convolution does"
    if conv.conv_general_dilated is not jax.lax.conv_general_dilated:
        return "it convolves by a function of its own"
    return ""


def _obstacle_of_kernel(conv: nnx.Conv, users: Mapping[int, int]) -> str:
    kernel = conv.kernel.get_value()
    if users[id(conv.kernel)] > 1:
        return ghostify.SHARED_KERNEL
    if not jnp.issubdtype(kernel.dtype, jnp.floating):
        return ghostify.NOT_FLOATING.format(kernel.dtype)
    if isinstance(kernel, jax.ShapeDtypeStruct):
        return "it is abstract: its kernel has a shape and no values"
    return "" if kernel.ndim == 4 else f"its kernel has {kernel.ndim} axes: made under a vmap"


def _obstacle_of_places(places: list[Place]) -> str:
    is_in_tuple = any(isinstance(place.parent, tuple) for place in places)
    return "it stands in a tuple, which cannot be changed" if is_in_tuple else ""


def _arguments(conv: nnx.Conv) -> dict[str, Any]:
    padding = conv.padding
    return {
        "c_in": conv.in_features,
        "c_out": conv.out_features,
        "kernel_size": conv.kernel_size,
        "stride": _pair(conv.strides),
        "padding": padding.lower().removesuffix("_lower") if isinstance(padding, str) else padding,
        "dilation": _pair(conv.kernel_dilation),
        "groups": conv.feature_group_count,
    }


def _notes(conv: nnx.Conv) -> tuple[str, ...]:
    named = ("precision", "preferred_element_type")
    dropped = tuple(ghostify.DROPPED.format(name) for name in named if getattr(conv, name, None))
    return (*dropped, ghostify.BIAS) if conv.bias is not None else dropped


def _pair(value: Any) -> tuple[int, int]:
    if value is None or isinstance(value, int):
        return (value or 1, value or 1)
    return tuple(value)


def _ghost(conv: Any, config: GhostConvConfig, rngs: nnx.Rngs) -> GhostConv:
    """The GhostConv in the convolution's stead, of its types."""
    options = {"dtype": conv.dtype, "param_dtype": conv.kernel.get_value().dtype}
    return GhostConv(**config.to_dict(), **options, rngs=rngs)


def _is_in_evaluation(model: nnx.Module) -> bool:
    """Whether every module that has a mode is in evaluation, and there is such a module."""
    values = (getattr(module, m, None) for _, module in nnx.iter_modules(model) for m in MODES)
    modes = [value for value in values if isinstance(value, bool)]
    return bool(modes) and all(modes)


def _replace(places: list[Place], ghosts: Mapping[Any, GhostConv]) -> None:
    """Put every GhostConv at its places, or, where one cannot be put there, none."""
    done: list[Place] = []
    try:
        for place in places:
            if place.module in ghosts:
                place.put(ghosts[place.module])
                done.append(place)
    except BaseException:
        for place in done:
            place.put(place.module)
        raise
