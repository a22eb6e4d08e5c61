"""A model's convolutions replaced by ghost convolutions."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import keras
from keras import layers

from ghost_tf.framework.graphs import is_graph, rebuilt
from ghost_tf.ghost_conv import GhostConv
from ghost_tf.replacing import convolutions, measuring
from ghost_tf.weights_io import FRAMEWORK
from weights import ArgumentError, GhostConvConfig
from weights.modules.arguments import Activation, Split
from weights.replacing.example import Example
from weights.replacing.models import check_model, examined, replacements
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Keep, Rules
from weights.replacing.trials import Trials

INSIDE = "it is part of a layer that Keras builds as a whole"

Model = TypeVar("Model", bound=keras.Model)


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
) -> tuple[Model, ReplacementReport]:
    """Replace the convolutions of a model by GhostConv, and report which were left and why.

    Layers that are left keep their weights; each GhostConv has the name, shapes and type of its
    convolution, its activation if it has one, and fresh weights unless they are kept.

    Args:
        model: a Functional or Sequential model, which stays as it is.
        ratio, dw_kernel_size, split, bn_eps, bn_momentum: as in GhostConv, for all convolutions.
        activation: as in GhostConv, of convolutions without an activation of their own; none given
            is "relu", and "identity" where weights are kept.
        exclude: patterns of paths to leave, with everything inside, such as `backbone.conv1`: names
            of layers after those of the models that they are in.
        include: patterns of paths to replace; all by default.
        min_channels: convolutions with fewer output channels are left: they mostly make a result,
            a mask or an image.
        example: what the model is called with: a batch, or a tuple of arguments. On what they see
            then, convolutions and GhostConvs are timed, both in evaluation, and replaced only where
            that takes at most 5 % longer; what is folded by `deploy` later is faster still.
        keep: "weights" starts each GhostConv from its convolution, by least squares: over its
            outputs on the `example`, of which each makes up for those before it, or else over its
            kernel, with the means that the batch normalisation after it has seen. The report
            has the error that is left. Without, the weights are fresh.

    Returns:
        A new model, and the report, which prints as a table.

    Raises:
        weights.ArgumentError: an argument breaks a rule, or a pattern matches no module; or Keras
            cannot build `model` again.

    >>> stem = layers.Conv2D(32, 3, use_bias=False, name="stem")
    >>> head = layers.Conv2D(2, 1, name="head")
    >>> model = keras.Sequential([layers.Input((8, 8, 3)), stem, head])
    >>> replace_convolutions(model)[1]
    1 convolution replaced (864 weights now 576), 1 left
      replaced  stem  3 to 32 channels, kernel 3x3, 864 weights now 576
      left      head  `c_out` must be at least `min_channels` = 4, got 2
    """
    choice = (bn_eps, bn_momentum, exclude, include, min_channels, keep)
    rules = Rules(ratio, dw_kernel_size, split, activation, *choice)
    _check_model(model)
    places = list(_places(model))
    obstacles = {id(layer): INSIDE for _, layer, is_fixed in places if is_fixed}
    named = [(path, layer) for path, layer, _ in places]
    report = rules.report(named, lambda layer: examined(layer, convolutions, obstacles))
    modules = dict(named)
    ghosts = replacements(report, modules, _ghost)
    shown = (
        None
        if example is None
        else Example(measuring, model, report.replaced_among(modules), example)
    )
    report = Trials(FRAMEWORK, measuring, shown, keep).report(report, modules, ghosts)
    return rebuilt(model, ghosts), report


def _check_model(model: Any) -> None:
    check_model(model, layers.Layer, "keras.Model", convolutions)
    if not is_graph(model):
        raise ArgumentError(
            f"`model` must be a Functional or Sequential model, got {type(model).__name__}, of "
            "which Keras does not know how its layers are connected: build it with GhostConv, or "
            "replace the convolutions of the Functional models within it"
        )


def _places(layer: Any, path: str = "", is_fixed: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """Every layer at every place, and whether Keras can put no other one there."""
    yield path, layer, is_fixed
    if isinstance(layer, convolutions.GHOSTS):
        return
    is_fixed = is_fixed or not is_graph(layer)
    children = layer._flatten_layers(False, recursive=False) if is_fixed else layer.layers
    for child in children:
        yield from _places(child, f"{path}.{child.name}" if path else child.name, is_fixed)


def _ghost(layer: Any, config: GhostConvConfig) -> GhostConv:
    """The GhostConv in the convolution's stead: name, types, order of axes, frozen or not."""
    options = {"name": layer.name, "dtype": layer.dtype_policy, "trainable": layer.trainable}
    return GhostConv(**config.to_dict(), data_format=layer.data_format, **options)
