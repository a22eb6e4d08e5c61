"""Layers that hooks, tracers and casts may watch: checks of inputs, activations in place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, fx, nn
from torch.nn.modules import module as hooked

from weights import ArgumentError

IN_PLACE: dict[type, Callable[[Tensor], Tensor]] = {
    nn.ReLU: torch.relu_,
    nn.ReLU6: lambda x: nn.functional.relu6(x, inplace=True),
}


def check_tensor(module: nn.Module, x: Tensor) -> None:
    """Raise `ArgumentError` for an input that is no dense tensor, or not where the module is.

    A type other than the module's is refused too, unless a hook or autocast may move or cast the
    input.
    """
    if not isinstance(x, Tensor) or x.layout != torch.strided:
        what = f"one of {x.layout}" if isinstance(x, Tensor) else type(x).__name__
        raise ArgumentError(f"the input must be a dense tensor of PyTorch, got {what}")
    own = next(_met(module), None)
    if own is None:
        return
    if x.device != own.device:
        raise ArgumentError(
            f"the input must be where the module is, on {own.device}, got {x.device}: use x.to"
        )
    if x.dtype != own.dtype and x.is_floating_point() and not _is_autocast(x.device.type):
        raise ArgumentError(
            f"the input must have the module's type {_type(own)}, got {_type(x)}: cast it"
        )


def activated(half: nn.Sequential, x: Tensor) -> Tensor:
    """The layers in turn, the activation in place where nothing else reads its input."""
    *before, act = half
    for layer in before:
        x = layer(x)
    if type(act) in IN_PLACE and isinstance(half[0], nn.Conv2d) and not _is_seen(half, x):
        return IN_PLACE[type(act)](x)
    return act(x)


@contextmanager
def untraced() -> Iterator[None]:
    """Sizes are numbers in here, also where `torch.jit.trace` makes tensors of them."""
    traced = torch._C._get_tracing_state()
    torch._C._set_tracing_state(None)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch._C._set_tracing_state(traced)  # type: ignore[attr-defined]


def _met(module: nn.Module) -> Iterator[Tensor | None]:
    """The parameters that an input meets, in turn; None where a hook may move or cast it."""
    yield from (each for each in module._parameters.values() if each is not None)
    for child in module._modules.values():
        if child is not None:
            if child._forward_pre_hooks or "forward" in vars(child):
                yield None
            yield from _met(child)


def _is_seen(layers: nn.Sequential, x: Tensor) -> bool:
    """Whether a gradient, a hook or a tracer may read a tensor between the layers."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or isinstance(x, fx.Proxy):
        return True
    hooks = (each._forward_hooks or each._forward_pre_hooks for each in layers)
    everywhere = hooked._global_forward_hooks or hooked._global_forward_pre_hooks
    return bool(everywhere or any(hooks) or torch._C._get_tracing_state())


def _is_autocast(device: str) -> bool:
    # Dynamo breaks the graph at the first question up to PyTorch 2.11, of devices that all have it.
    known = torch.compiler.is_compiling() or torch.amp.is_autocast_available(device)
    return known and torch.is_autocast_enabled(device)


def _type(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")
