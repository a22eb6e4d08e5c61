"""Activations in place, where no hook, tracer or gradient needs what they activate."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooked

from ghost_torch.framework.compiled import is_fused, shifted
from ghost_torch.framework.inputs import is_traced

IN_PLACE: dict[type, Callable[[Tensor], Tensor]] = {
    nn.ReLU: torch.relu_,
    nn.ReLU6: lambda x: nn.functional.relu6(x, inplace=True),
}

STATE = {"weight", "bias", "running_mean", "running_var"}


def activated(half: nn.Sequential, x: Tensor) -> Tensor:
    """The layers in turn, the activation in place where nothing else reads its input."""
    conv, *others = layers = tuple(half._modules.values())
    in_place = IN_PLACE.get(type(others[-1]))
    if in_place is None or not isinstance(conv, nn.Conv2d) or _are_seen(layers, x):
        x = shifted(conv, x) if is_fused(conv, x) and not _are_hooked((conv,)) else conv(x)
        for layer in others:
            x = layer(x)
        return x
    x = conv.forward(x)  # what calling it does where there are no hooks
    for layer in others[:-1]:
        x = _normalised(layer, x)
    return in_place(x)


def _normalised(norm: Any, x: Tensor) -> Tensor:
    """What `forward` of a normalisation gives, by the operation itself where it only infers."""
    own = {**norm._parameters, **norm._buffers}
    is_plain = type(norm) is nn.BatchNorm2d and not norm.training and own.keys() >= STATE
    if not is_plain or own["running_mean"] is None or own["running_var"] is None:
        return norm.forward(x)
    tensors = (own["weight"], own["bias"], own["running_mean"], own["running_var"])
    return torch.batch_norm(x, *tensors, False, 0.0, norm.eps, torch.backends.cudnn.enabled)


def _are_seen(layers: tuple[Any, ...], x: Tensor) -> bool:
    """Whether a gradient, a hook or a tracer may read the input of the last of the layers."""
    if is_traced(x):
        return True
    # The gradient of a batch normalisation needs its input, not its output.
    if torch.is_grad_enabled() and type(layers[-2]) is not nn.BatchNorm2d:
        return True
    return _are_hooked(layers)


def _are_hooked(layers: tuple[Any, ...]) -> bool:
    """Whether a call of one of the layers does more than the `forward` of its class."""
    for layer in layers:
        if (
            layer._forward_hooks
            or layer._forward_pre_hooks
            or layer._backward_hooks
            or layer._backward_pre_hooks
            or "forward" in vars(layer)
        ):
            return True
    return bool(
        hooked._global_forward_hooks
        or hooked._global_forward_pre_hooks
        or hooked._global_backward_hooks
        or hooked._global_backward_pre_hooks
    )
