"""A model's convolutions replaced by ghost convolutions."""

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeVar

from flax import nnx

from ghost_jax.ghost_conv import GhostConv
from ghost_jax.ordinary.places import Place, places_of
from ghost_jax.replacing import convolutions, measuring
from ghost_jax.weights_io import FRAMEWORK
from weights import GhostConvConfig
from weights.replacing.models import Replacing, check_model, decide, exchange, sharing
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Rules

COLUMN = Replacing(FRAMEWORK, convolutions, measuring)
# How modules say that they are in evaluation.
MODES = ("use_running_average", "deterministic")

Model = TypeVar("Model", bound=nnx.Module)


def replaced(
    model: Model, rules: Rules, example: Any, rngs: nnx.Rngs
) -> tuple[Model, ReplacementReport]:
    """What `replace_convolutions` returns, by rules that are checked."""
    check_model(model, nnx.Module, "flax.nnx.Module", convolutions)
    places = list(places_of(model, convolutions.GHOSTS))
    obstacles = _obstacles(model, places)
    named = [(place.path, place.module) for place in places]
    report, ghosts = decide(
        COLUMN, rules, named, obstacles, partial(_ghost, rngs=rngs), example,
        partial(_copied, model),
    )  # fmt: skip
    _set_mode(model, ghosts.values())
    exchange([(place, place.module) for place in places], ghosts, Place.put)
    return model, report


def _obstacles(model: nnx.Module, places: Iterable[Place]) -> dict[int, str]:
    """The modules whose variables others have as well, and those that cannot be exchanged."""
    uses = (
        (value, module)
        for _, module in nnx.iter_modules(model)
        for value in vars(module).values()
        if isinstance(value, nnx.Variable)
    )
    in_tuples = {id(place.module) for place in places if isinstance(place.parent, tuple)}
    return sharing(uses) | dict.fromkeys(in_tuples, "it stands in a tuple, which cannot be changed")


def _ghost(conv: Any, config: GhostConvConfig, rngs: nnx.Rngs) -> GhostConv:
    """The GhostConv in the convolution's stead, of its types."""
    options = {"dtype": conv.dtype, "param_dtype": conv.kernel.get_value().dtype}
    return GhostConv(**config.to_dict(), **options, rngs=rngs)


def _copied(model: nnx.Module, report: ReplacementReport) -> tuple[nnx.Module, dict[str, Any]]:
    """A copy of the model, and what of it the report replaces in the model."""
    copy = nnx.clone(model)
    places = places_of(copy, convolutions.GHOSTS)
    return copy, report.replaced_among({place.path: place.module for place in places})


def _set_mode(model: nnx.Module, ghosts: Iterable[nnx.Module]) -> None:
    """Put the new layers into evaluation where everything in the model that has a mode is in it."""
    values = (getattr(module, m, None) for _, module in nnx.iter_modules(model) for m in MODES)
    modes = [value for value in values if isinstance(value, bool)]
    if modes and all(modes):
        for ghost in ghosts:
            ghost.eval()
