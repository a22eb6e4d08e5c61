"""The call `replace_convolutions`; what it needs is imported when it is called: few call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import keras
from keras import layers  # noqa: F401 - for the example

from weights.modules.arguments import Activation, Split

if TYPE_CHECKING:
    from weights.replacing.report import ReplacementReport
    from weights.replacing.rules import Keep

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
    from ghost_tf.replacing.models import replaced
    from weights.replacing.rules import Rules

    choice = (bn_eps, bn_momentum, exclude, include, min_channels, keep)
    rules = Rules(ratio, dw_kernel_size, split, activation, *choice)
    return replaced(model, rules, example)
