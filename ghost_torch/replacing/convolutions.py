"""Convolutions of a model: whether one can become a GhostConv, and with which arguments."""

from typing import Any

from torch import jit, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import is_parametrized

from ghost_torch.weights_io import ARCHITECTURES
from weights.replacing import reasons

GHOSTS = tuple(ARCHITECTURES.values())
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_convolution(module: nn.Module) -> bool:
    """Whether the module is a convolution of any kind."""
    return isinstance(module, _ConvNd) or (_is_foreign(module) and "Conv" in _kind(module))


def obstacle(conv: Any) -> str:
    """Why the convolution cannot be replaced, whatever the rules; empty where it can."""
    if isinstance(conv, jit.ScriptModule):
        return "it is compiled by TorchScript"
    if _is_foreign(conv):
        return reasons.QUANTISED
    return _obstacle_of_kind(conv) or _obstacle_of_kernel(conv)


def arguments(conv: nn.Conv2d) -> dict[str, Any]:
    """The arguments of GhostConv, padding as the framework has it."""
    return {
        "c_in": conv.in_channels,
        "c_out": conv.out_channels,
        "kernel_size": conv.kernel_size,
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
        "groups": conv.groups,
    }


def notes(conv: nn.Conv2d) -> tuple[str, ...]:
    """The properties of the convolution that its GhostConv will not have."""
    frozen = () if conv.weight.requires_grad else (reasons.FROZEN,)
    return (*frozen, reasons.BIAS) if conv.bias is not None else frozen


def _is_foreign(module: nn.Module) -> bool:
    return isinstance(module, jit.ScriptModule) or ".quantized." in type(module).__module__


def _kind(module: Any) -> str:
    return getattr(module, "original_name", type(module).__name__)


def _obstacle_of_kind(conv: Any) -> str:
    if isinstance(conv, _ConvTransposeNd):
        return reasons.TRANSPOSED
    if len(conv.kernel_size) != 2:
        return reasons.OTHER_RANK.format(len(conv.kernel_size))
    if is_lazy(conv.weight):
        return reasons.UNBUILT
    if is_parametrized(conv) or any(getattr(conv, hooks) for hooks in HOOKS):
        return "it is parametrised, or has hooks, which would be lost"
    if type(conv) is not nn.Conv2d:
        return reasons.OWN_CLASS.format(type(conv).__name__)
    return "" if conv.padding_mode == "zeros" else reasons.PADDING_MODE.format(conv.padding_mode)


def _obstacle_of_kernel(conv: nn.Conv2d) -> str:
    if conv.weight.is_floating_point():
        return ""
    return reasons.NOT_FLOATING.format(str(conv.weight.dtype).removeprefix("torch."))
