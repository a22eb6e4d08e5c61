"""The layers inside a module as they are now: kinds and settings, beside the weights."""

from collections.abc import Mapping
from functools import lru_cache
from types import FunctionType
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized
from torch.optim.swa_utils import AveragedModel

from ghost_torch.synchronised import SyncBatchNorm
from weights.columns.actual import Facts
from weights.columns.places import is_replaced

TENSORS = ("weight", "bias", "running_mean", "running_var")
# Other classes that differ only in counting the values of every device.
SAME: dict[type, type] = dict.fromkeys((nn.SyncBatchNorm, SyncBatchNorm), nn.BatchNorm2d)
# Attributes in which PyTorch holds a module that it compiles, recomputes or shards.
WRAPPED = ("_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")
# Classes that run a module, or the mean of many, in their `module`.
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)
# Methods that a class may redefine without a change of its result.
HARMLESS = ("extra_repr", "reset_parameters")


def facts(module: Any) -> Facts:
    """Every layer inside `module` by its path: its kind, and all that its result depends on."""
    found: dict[str, Mapping[str, Any]] = {}
    _walk("", module, found)
    return found


def inside(part: nn.Module) -> nn.Module:
    """The module that a wrapper of PyTorch's holds."""
    if not part._modules:
        return part
    kind: Any = type(part)
    if _is_wrapper(kind):
        return inside(part.get_submodule("module"))
    for name in WRAPPED:
        if name in part._modules:
            return inside(part.get_submodule(name))
    return part


@lru_cache(maxsize=256)
def _is_wrapper(kind: type) -> bool:
    return issubclass(kind, WRAPPERS)


def _walk(path: str, part: nn.Module, found: dict[str, Mapping[str, Any]]) -> None:
    part = inside(part)
    found[path] = {"kind": _kind(part), **_settings(part)}
    for name, child in part._modules.items():
        if child is not None and name != "parametrizations":
            _walk(f"{path}.{name}" if path else name, child, found)


def _kind(part: nn.Module) -> str:
    kind: Any = type(part)
    name = _function(kind)
    return f"{name} with another forward" if is_replaced(part, "forward") else name


@lru_cache(maxsize=256)
def _function(kind: type) -> str:
    """The class of PyTorch or of this package whose computation a module has, if there is one.

    PyTorch puts classes of its own before it, such as that of a sharded convolution.
    """
    stock = next(each for each in kind.__mro__ if _is_stock(each))
    if kind is not stock and _is_redefined(kind, stock):
        return f"{kind.__module__}.{kind.__qualname__}"
    return SAME.get(stock, stock).__name__


def _is_stock(kind: type) -> bool:
    return kind.__module__.startswith(("torch.nn.modules.", f"{__package__}."))


def _is_redefined(own: type, stock: type) -> bool:
    """Whether a class may compute something else than the one that it is derived from."""
    bases = stock.__mro__[: stock.__mro__.index(nn.Module)]
    names = {name for base in bases for name in vars(base) if not name.startswith("__")}
    names = {"forward", "__call__", "_call_impl", *names}.difference(HARMLESS)
    return any(
        getattr(own, name) is not getattr(stock, name)
        for name in names
        if isinstance(getattr(stock, name, None), (FunctionType, property))
    )


def _settings(layer: nn.Module) -> dict[str, Any]:
    """The numbers of a layer, and which tensors it has."""
    numbers = getattr(type(layer), "__constants__", ())
    values = {name: getattr(layer, name) for name in numbers if name != "inplace"}
    given = {name: "given" for name in TENSORS if numbers and _has(layer, name)}
    return {("rate" if name == "p" else name): value for name, value in values.items()} | given


def _has(layer: nn.Module, name: str) -> bool:
    if layer._parameters.get(name) is not None or layer._buffers.get(name) is not None:
        return True
    # PyTorch looks for it in a slow way in each layer that has none.
    is_computed = "parametrizations" in layer._modules and is_parametrized(layer, name)
    return is_computed or vars(layer).get(name) is not None
