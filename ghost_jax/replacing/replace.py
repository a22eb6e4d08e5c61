"""A model's convolutions replaced by ghost convolutions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flax import nnx

from ghost_jax.ghost_conv import GhostConv
from ghost_jax.replacing.reasons import GHOSTS, describe, is_convolution
from weights import ArgumentError, GhostConvConfig
from weights.replacing.reasons import SHARED_PARAMETERS, refuse_root
from weights.replacing.report import Ghostified
from weights.replacing.rules import Rules

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
      left      layers.2  `c_out` must be at least `min_channels` = 4, got 2
    """
    batch_norm = (bn_eps, bn_momentum)
    choice = (exclude, include, min_channels)
    rules = Rules(ratio, dw_kernel_size, split, activation, *batch_norm, *choice)
    _check_model(model)
    places = list(_places(_Place("", None, None, model)))
    obstacles = _obstacles(model, places)
    named = [(place.path, place.module) for place in places]
    report = rules.judge(named, lambda module: describe(module, obstacles))
    modules, ghosts = dict(named), {}
    for each in report.replaced:
        ghosts[id(modules[each.path])] = _ghost(modules[each.path], each.config, rngs)
    _set_mode(model, ghosts.values())
    _replace([(place, ghosts[id(place.module)]) for place in places if id(place.module) in ghosts])
    return model, report


@dataclass(frozen=True)
class _Place:
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
    if is_convolution(model):
        raise refuse_root(type(model).__name__)


def _places(place: _Place, above: tuple[Any, ...] = ()) -> Iterator[_Place]:
    """Every module at every place; nothing inside the modules of this package."""
    node = place.module
    if isinstance(node, nnx.Pytree):
        yield place
    if isinstance(node, GHOSTS) or any(node is each for each in above):
        return
    for key, child in _children(node):
        path = f"{place.path}.{key}" if place.path else str(key)
        yield from _places(_Place(path, node, key, child), (*above, node))


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        items = node.items() if isinstance(node, dict) else vars(node).items()
    kinds = (nnx.Pytree, list, tuple, dict)
    return ((key, child) for key, child in items if isinstance(child, kinds))


def _obstacles(model: nnx.Module, places: Iterable[_Place]) -> dict[int, str]:
    """The modules whose variables others have as well, and those that cannot be exchanged."""
    users = defaultdict(list)
    for _, module in nnx.iter_modules(model):
        for value in vars(module).values():
            if isinstance(value, nnx.Variable):
                users[id(value)].append(module)
    shared = (modules for modules in users.values() if len(modules) > 1)
    obstacles = {id(module): SHARED_PARAMETERS for modules in shared for module in modules}
    in_tuples = {id(place.module) for place in places if isinstance(place.parent, tuple)}
    return obstacles | dict.fromkeys(in_tuples, "it stands in a tuple, which cannot be changed")


def _ghost(conv: Any, config: GhostConvConfig, rngs: nnx.Rngs) -> GhostConv:
    """The GhostConv in the convolution's stead, of its types."""
    options = {"dtype": conv.dtype, "param_dtype": conv.kernel.get_value().dtype}
    return GhostConv(**config.to_dict(), **options, rngs=rngs)


def _set_mode(model: nnx.Module, ghosts: Iterable[GhostConv]) -> None:
    """Put the new layers into evaluation where everything in the model that has a mode is in it."""
    values = (getattr(module, m, None) for _, module in nnx.iter_modules(model) for m in MODES)
    modes = [value for value in values if isinstance(value, bool)]
    if modes and all(modes):
        for ghost in ghosts:
            ghost.eval()


def _replace(ghosts: Iterable[tuple[_Place, GhostConv]]) -> None:
    """Put every GhostConv at its places, or, where one cannot be put there, none."""
    done: list[_Place] = []
    try:
        for place, ghost in ghosts:
            place.put(ghost)
            done.append(place)
    except BaseException:
        for place in done:
            place.put(place.module)
        raise
