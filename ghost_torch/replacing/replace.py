"""A model's convolutions replaced by ghost convolutions."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from torch import nn

from ghost_torch.ghost_conv import GhostConv
from ghost_torch.replacing import convolutions, measuring
from ghost_torch.weights_io import FRAMEWORK
from weights import GhostConvConfig
from weights.modules.arguments import Activation, Split
from weights.replacing.example import Example
from weights.replacing.models import check_model, examined, exchange, replacements, sharing
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Keep, Rules
from weights.replacing.trials import Trials

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
    choice = (bn_eps, bn_momentum, exclude, include, min_channels, keep)
    rules = Rules(ratio, dw_kernel_size, split, activation, *choice)
    check_model(model, nn.Module, "torch.nn.Module", convolutions)
    places = list(_places(model))
    own = ((each.parameters(recurse=False), each) for each in model.modules())
    obstacles = sharing((parameter, each) for parameters, each in own for parameter in parameters)
    report = rules.report(places, lambda module: examined(module, convolutions, obstacles))
    modules = dict(places)
    ghosts = replacements(report, modules, _ghost)
    shown = (
        None
        if example is None
        else Example(measuring, model, report.replaced_among(modules), example)
    )
    report = Trials(FRAMEWORK, measuring, shown, keep).report(report, modules, ghosts)
    exchange(places, ghosts, model.set_submodule)
    return model, report


def _places(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module at every place; nothing inside the modules of this package."""
    whole: str | None = None
    for path, module in model.named_modules(remove_duplicate=False):
        if whole is None or not path.startswith(whole):
            yield path, module
            if isinstance(module, convolutions.GHOSTS):
                whole = f"{path}." if path else ""


def _ghost(conv: Any, config: GhostConvConfig) -> GhostConv:
    """The GhostConv in the convolution's stead: device, type, mode, frozen or not."""
    options = {"device": conv.weight.device, "dtype": conv.weight.dtype}
    ghost = GhostConv(**config.to_dict(), **options)
    return ghost.train(conv.training).requires_grad_(conv.weight.requires_grad)
