"""The call `replace_convolutions`; what it needs is imported when it is called: few call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from weights.modules.arguments import Activation, Split

if TYPE_CHECKING:
    from weights.replacing.report import ReplacementReport
    from weights.replacing.rules import Keep

Model = TypeVar("Model", bound=nn.Module)


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

    Each GhostConv has the shapes, device and type of its convolution, and fresh weights unless they
    are kept: make the optimiser afterwards.

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

    Returns:
        `model`, and the report, which prints as a table.

    Raises:
        weights.ArgumentError: an argument breaks a rule, or a pattern matches no module; nothing
            is changed.

    >>> model = nn.Sequential(nn.Conv2d(3, 32, 3, bias=False), nn.ReLU(), nn.Conv2d(32, 2, 1))
    >>> replace_convolutions(model)[1]
    1 convolution replaced (864 weights now 576), 1 left
      replaced  0  3 to 32 channels, kernel 3x3, 864 weights now 576
      left      2  `c_out` must be at least `min_channels` = 4, got 2
    """
    from ghost_torch.replacing.models import replaced
    from weights.replacing.rules import Rules

    choice = (bn_eps, bn_momentum, exclude, include, min_channels, keep)
    rules = Rules(ratio, dw_kernel_size, split, activation, *choice)
    return replaced(model, rules, example)
