"""A model's convolutions replaced by ghost convolutions."""

from collections.abc import Iterator
from typing import Any, TypeVar

from torch import nn

from ghost_torch.ghost_conv import GhostConv
from ghost_torch.replacing import convolutions, measuring
from ghost_torch.weights_io import FRAMEWORK
from weights import GhostConvConfig
from weights.replacing.models import Replacing, check_model, decide, exchange, sharing
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Rules

COLUMN = Replacing(FRAMEWORK, convolutions, measuring)

Model = TypeVar("Model", bound=nn.Module)


def replaced(model: Model, rules: Rules, example: Any) -> tuple[Model, ReplacementReport]:
    """What `replace_convolutions` returns, by rules that are checked."""
    check_model(model, nn.Module, "torch.nn.Module", convolutions)
    places = list(_places(model))
    own = ((each.parameters(recurse=False), each) for each in model.modules())
    obstacles = sharing((parameter, each) for parameters, each in own for parameter in parameters)
    report, ghosts = decide(
        COLUMN, rules, places, obstacles, _ghost, example,
        lambda report: (model, report.replaced_among(dict(places))),
    )  # fmt: skip
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
