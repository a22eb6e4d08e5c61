"""A model's convolutions replaced by ghost convolutions."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from flax import nnx

from ghost_jax.ghost_conv import GhostConv
from ghost_jax.ordinary.places import Place, places_of
from ghost_jax.replacing import convolutions, measuring
from ghost_jax.weights_io import FRAMEWORK
from weights import GhostConvConfig
from weights.modules.arguments import Activation, Split
from weights.replacing.example import Example
from weights.replacing.models import check_model, examined, exchange, replacements, sharing
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Keep, Rules
from weights.replacing.trials import Trials

# How modules say that they are in evaluation.
MODES = ("use_running_average", "deterministic")

Model = TypeVar("Model", bound=nnx.Module)


def replace_convolutions(
    model: Model,
    ratio: float = 2,
    dw_kernel_size: int = 3,
    *,
    split: Split = "round",
    activation: Activation | None = None,
    bn_eps: float = 1e-5,
    bn_momentum: float = 0.1,
    exclude: Sequence[str] = (),
    include: Sequence[str] = ("*",),
    min_channels: int = 4,
    example: Any = None,
    keep: Keep | None = None,
    rngs: nnx.Rngs,
) -> tuple[Model, ReplacementReport]:
    """Replace the convolutions of a model by GhostConv, and report which were left and why.

    Each GhostConv has the shapes and types of its convolution, and fresh weights unless they are
    kept: make the optimiser afterwards.

    Args:
        model: the model, changed in place, which contains its convolutions.
        ratio, dw_kernel_size, split, bn_eps, bn_momentum: as in GhostConv, for all convolutions.
        activation: as in GhostConv; none given is "relu", and "identity" where weights are kept,
            since the model has what follows the convolution.
        exclude: patterns of paths to leave, with everything inside, such as `layer1.*`.
        include: patterns of paths to replace; all by default.
        min_channels: convolutions with fewer output channels are left: they mostly make a result,
            a mask or an image.
        example: what the model is called with: a batch, or a tuple of arguments. On what they see
            then, convolutions and GhostConvs are timed, both in evaluation, and replaced only where
            that takes at most 5 % longer; what is folded by `deploy` later is faster still.
        keep: "weights" starts each GhostConv from its convolution, by least squares: over its
            outputs on the `example`, of which each makes up for those before it, or else over its
            kernel, with the means that the batch normalisation defined next has seen. The report
            has the error that is left. Without, the weights are fresh.
        rngs: draws the fresh weights.

    Returns:
        `model`, and the report, which prints as a table.

    Raises:
        weights.ArgumentError: an argument breaks a rule, or a pattern matches no module; nothing
            is changed.

    >>> rngs = nnx.Rngs(0)
    >>> stem = nnx.Conv(3, 32, (3, 3), use_bias=False, rngs=rngs)
    >>> model = nnx.Sequential(stem, nnx.relu, nnx.Conv(32, 2, (1, 1), rngs=rngs))
    >>> replace_convolutions(model, rngs=rngs)[1]
    1 convolution replaced (864 weights now 576), 1 left
      replaced  layers.0  3 to 32 channels, kernel 3x3, 864 weights now 576
      left      layers.2  `c_out` must be at least `min_channels` = 4, got 2
    """
    choice = (bn_eps, bn_momentum, exclude, include, min_channels, keep)
    rules = Rules(ratio, dw_kernel_size, split, activation, *choice)
    check_model(model, nnx.Module, "flax.nnx.Module", convolutions)
    places = list(places_of(model, convolutions.GHOSTS))
    obstacles = _obstacles(model, places)
    named = [(place.path, place.module) for place in places]
    report = rules.report(named, lambda module: examined(module, convolutions, obstacles))
    modules = dict(named)
    ghosts = replacements(report, modules, partial(_ghost, rngs=rngs))
    shown = None if example is None else Example(measuring, *_copied(model, report), example)
    report = Trials(FRAMEWORK, measuring, shown, keep).report(report, modules, ghosts)
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
