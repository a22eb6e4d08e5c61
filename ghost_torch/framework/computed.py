"""Tensors that a layer computes from others: parametrised, pruned, or spread over processes."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ghost_torch.facts import inside
from weights import MismatchError

# Hooks that compute a tensor before every call, and the functions that remove them.
HOOKS = {
    WeightNorm: "torch.nn.utils.remove_weight_norm",
    SpectralNorm: "torch.nn.utils.remove_spectral_norm",
    BasePruningMethod: "torch.nn.utils.prune.remove",
}
# Division by a norm and multiplication by it: as many roundings, relative to each number.
ROUNDINGS = 4


def tensor_of(module: nn.Module, name: str) -> Any:
    """The tensor of that name as the module uses it in evaluation, or None."""
    layer, leaf = _place(module, name)
    if not _is_computed(layer, leaf):
        return getattr(layer, leaf)
    if is_parametrized(layer, leaf):
        with _evaluated(layer.parametrizations[leaf]):
            return getattr(layer, leaf)
    hook = _hook(layer, leaf)
    if isinstance(hook, BasePruningMethod):
        return hook.apply_mask(layer)
    if isinstance(hook, SpectralNorm):
        return hook.compute_weight(layer, do_power_iteration=False)
    return hook.compute_weight(layer) if hook else getattr(layer, leaf)


@torch.no_grad()
def write(
    module: nn.Module, variables: Mapping[str, Tensor], values: Mapping[str, Tensor], what: str
) -> None:
    """Give a module's variables these values; raises `MismatchError`, changing nothing.

    Where a layer computes a tensor, its sources are changed so that the values come out.
    """
    computed = {name for name in values if _is_computed(*_place(module, name))}
    layers = {id(layer): layer for layer, _ in (_place(module, name) for name in computed)}
    kept = {key: copy.deepcopy(layer.state_dict()) for key, layer in layers.items()}
    try:
        problems = [each for name in computed for each in _write(module, name, values[name])]
        if problems:
            raise MismatchError(what, problems)
    except BaseException:
        for key, layer in layers.items():
            layer.load_state_dict(kept[key])
        raise
    for name in values:
        if name not in computed:
            variables[name].copy_(_spread(values[name], variables[name]))


def _is_computed(layer: nn.Module, leaf: str) -> bool:
    return leaf not in layer._parameters and leaf not in layer._buffers


def _write(module: nn.Module, name: str, value: Tensor) -> Iterator[str]:
    layer, leaf = _place(module, name)
    wanted = value.clone()  # a parametrisation may hold on to it
    try:
        _assign(layer, leaf, wanted)
        made = tensor_of(module, name)
        differs = not made.isclose(
            value, rtol=ROUNDINGS * torch.finfo(value.dtype).eps, atol=0, equal_nan=True
        ).all()
    except (RuntimeError, ValueError, NotImplementedError):
        differs = True
    if differs:
        by, undo = _described(layer, leaf)
        yield f"tensor '{name}' is made by {by}, which cannot make these values: call {undo} first"


def _assign(layer: Any, leaf: str, value: Tensor) -> None:
    hook = _hook(layer, leaf)
    if is_parametrized(layer, leaf):
        setattr(layer, leaf, value)
    elif isinstance(hook, WeightNorm):
        getattr(layer, f"{leaf}_g").copy_(torch.norm_except_dim(value, 2, hook.dim))
        getattr(layer, f"{leaf}_v").copy_(value)
    elif hook is not None:
        getattr(layer, f"{leaf}_orig").copy_(value)
    else:
        raise NotImplementedError


def _described(layer: Any, leaf: str) -> tuple[str, str]:
    """The name of what makes a tensor, and the function that removes it."""
    hook = _hook(layer, leaf)
    if hook is not None:
        undo = next(undo for kind, undo in HOOKS.items() if isinstance(hook, kind))
        return type(hook).__name__, undo
    if not is_parametrized(layer, leaf):
        return "something unknown", "what makes it a torch.nn.Parameter again"
    names = ", ".join(type(each).__name__ for each in layer.parametrizations[leaf])
    return names, "torch.nn.utils.parametrize.remove_parametrizations"


def _place(module: nn.Module, name: str) -> tuple[Any, str]:
    *path, leaf = name.split(".")
    layer = inside(module)
    for part in path:
        child = layer._modules.get(part)
        layer = inside(layer.get_submodule(part) if child is None else child)
    return layer, leaf


def _hook(layer: nn.Module, leaf: str) -> Any:
    """The hook that computes a tensor of the layer before every call, if there is one."""
    hooks: list[Any] = [h for h in layer._forward_pre_hooks.values() if isinstance(h, tuple(HOOKS))]
    names = [h._tensor_name if isinstance(h, BasePruningMethod) else h.name for h in hooks]
    return dict(zip(names, hooks, strict=True)).get(leaf)


@contextmanager
def _evaluated(module: nn.Module) -> Iterator[None]:
    """The module in evaluation: a spectral norm takes no step of its iteration."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, mode in modes:
            each.training = mode


def _spread(value: Tensor, variable: Any) -> Tensor:
    """The value as the variable is held: by one process, or by several in parts."""
    if not hasattr(variable, "device_mesh"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, variable.device_mesh, variable.placements)
