"""A model's convolutions replaced by ghost convolutions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import nn

from ghost_torch.ghost_conv import GhostConv
from ghost_torch.replacing.reasons import GHOSTS, describe, is_convolution
from weights import ArgumentError, GhostConvConfig
from weights.replacing.reasons import SHARED_PARAMETERS, refuse_root
from weights.replacing.report import Ghostified
from weights.replacing.rules import Rules


def replace_convolutions(
    model: nn.Module,
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
) -> tuple[Any, Ghostified]:
    """The model with GhostConv in place of convolutions, and a report of what was left and why.

    The model is changed in place and returned; a GhostConv has the shapes of the convolution, and
    fresh weights: make the optimiser afterwards. `exclude` and `include` are patterns of module
    paths, `layer1.*`; convolutions with fewer than `min_channels` outputs are left.

    Raises `weights.ArgumentError`, changing nothing.

    >>> model = nn.Sequential(nn.Conv2d(3, 32, 3, bias=False), nn.ReLU(), nn.Conv2d(32, 2, 1))
    >>> replace_convolutions(model)[1]
    1 convolution replaced (864 weights now 576), 1 left
      replaced  0  3 to 32 channels, kernel 3x3, 864 weights now 576
      left      2  `c_out` must be at least `min_channels` = 4, got 2
    """
    batch_norm = (bn_eps, bn_momentum)
    choice = (exclude, include, min_channels)
    rules = Rules(ratio, dw_kernel_size, split, activation, *batch_norm, *choice)
    _check_model(model)
    places = list(_places(model))
    obstacles = _obstacles(model)
    report = rules.judge(places, lambda module: describe(module, obstacles))
    modules, ghosts = dict(places), {}
    for each in report.replaced:
        ghosts[modules[each.path]] = _ghost(modules[each.path], each.config)
    _replace(model, [(path, each, ghosts[each]) for path, each in places if each in ghosts])
    return model, report


def _check_model(model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"`model` must be a torch.nn.Module, got {type(model).__name__}")
    if is_convolution(model):
        raise refuse_root(type(model).__name__)


def _places(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module at every place; nothing inside the modules of this package."""
    whole: str | None = None
    for path, module in model.named_modules(remove_duplicate=False):
        if whole is None or not path.startswith(whole):
            yield path, module
            if isinstance(module, GHOSTS):
                whole = f"{path}." if path else ""


def _obstacles(model: nn.Module) -> dict[int, str]:
    """The modules whose parameters others have as well."""
    users = defaultdict(list)
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            users[parameter].append(module)
    shared = (modules for modules in users.values() if len(modules) > 1)
    return {id(module): SHARED_PARAMETERS for modules in shared for module in modules}


def _ghost(conv: Any, config: GhostConvConfig) -> GhostConv:
    """The GhostConv in the convolution's stead: device, type, mode, frozen or not."""
    options = {"device": conv.weight.device, "dtype": conv.weight.dtype}
    ghost = GhostConv(**config.to_dict(), **options)
    return ghost.train(conv.training).requires_grad_(conv.weight.requires_grad)


def _replace(model: nn.Module, exchange: Iterable[tuple[str, nn.Module, GhostConv]]) -> None:
    """Put every GhostConv at its path, or, where one cannot be put there, none."""
    done: list[tuple[str, nn.Module]] = []
    try:
        for path, conv, ghost in exchange:
            model.set_submodule(path, ghost)
            done.append((path, conv))
    except BaseException:
        for path, conv in done:
            model.set_submodule(path, conv)
        raise
