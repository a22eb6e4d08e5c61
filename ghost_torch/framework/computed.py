"""Tensors that a layer computes from others: parametrised, pruned, or spread over processes."""

import copy
from collections.abc import Iterable, Iterator, Mapping
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
from weights.columns.backend import Layers

# Hooks that compute a tensor before every call, and the functions that remove them.
HOOKS = {
    WeightNorm: "torch.nn.utils.remove_weight_norm",
    SpectralNorm: "torch.nn.utils.remove_spectral_norm",
    BasePruningMethod: "torch.nn.utils.prune.remove",
}
# Division by a norm and multiplication by it: as many roundings, relative to each number.
ROUNDINGS = 4


def tensors_of(module: nn.Module, names: Iterable[str]) -> dict[str, Any]:
    """The tensors of these names as the module uses them in evaluation, or None."""
    layers = Layers(inside(module), _child)
    return {name: _tensor_of(*layers.place(name)) for name in names}


def _tensor_of(layer: Any, leaf: str) -> Any:
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
    layers = Layers(inside(module), _child)
    places = ((name, *layers.place(name)) for name in values)
    computed = {name: (layer, leaf) for name, layer, leaf in places if _is_computed(layer, leaf)}
    kept = {layer: copy.deepcopy(layer.state_dict()) for layer, _ in computed.values()}
    try:
        problems = [
            each for name, place in computed.items() for each in _write(name, *place, values[name])
        ]
        if problems:
            raise MismatchError(what, problems)
    except BaseException:
        for layer, state in kept.items():
            layer.load_state_dict(state)
        raise
    for name in values:
        if name not in computed:
            variables[name].copy_(_spread(values[name], variables[name]))


def _is_computed(layer: nn.Module, leaf: str) -> bool:
    return leaf not in layer._parameters and leaf not in layer._buffers


def _write(name: str, layer: Any, leaf: str, value: Tensor) -> Iterator[str]:
    wanted = value.clone()  # a parametrisation may hold on to it
    try:
        _assign(layer, leaf, wanted)
        made = _tensor_of(layer, leaf)
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


def _child(layer: Any, name: str) -> Any:
    child = layer._modules.get(name)
    return inside(layer.get_submodule(name) if child is None else child)


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
