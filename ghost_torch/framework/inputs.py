"""Checks of inputs, done once for all inputs of a kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from weights import ArgumentError

# Kinds of inputs that a module remembers.
MOST_KINDS = 64


def accepted(module: nn.Module, x: Tensor) -> tuple[bool, ...]:
    """The modes, training or not, in which the module takes such an input, as far as it knows."""
    if is_traced(x):
        return ()
    path, modes = vars(module).get("accepted", {}).get((x.shape, x.dtype, x.layout), ((), ()))
    at: Any = module
    for name in path:
        at = at._modules.get(name)
        if at is None:  # a wrapper stands there
            return ()
    own = at._parameters.get("weight")
    if own is None or own.device != x.device:
        return ()
    return modes if own.dtype == x.dtype or _is_autocast(x.device.type) else ()


def accept(module: Any, x: Tensor, dtype: str) -> None:
    """Remember that the module takes such inputs, of that type by NumPy's name."""
    if is_traced(x):
        return
    earlier = vars(module).get("accepted", {})
    kept = earlier if len(earlier) < MOST_KINDS else {}
    path = tuple(next(module.plan.tensors()).name.removesuffix(".weight").split("."))
    modes: tuple[bool, ...] = (True, False)
    try:
        module.plan.check_input(x.shape, dtype, training=True)
    except ArgumentError:
        modes = (False,)
    module.accepted = {**kept, (x.shape, x.dtype, x.layout): (path, modes)}


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


def is_traced(x: Tensor) -> bool:
    """Whether the input is no ordinary tensor, or a tracer sees what is read of it."""
    return bool(
        type(x) is not Tensor or torch.compiler.is_compiling() or torch._C._get_tracing_state()
    )


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


def _is_autocast(device: str) -> bool:
    # Dynamo breaks the graph at the first question up to PyTorch 2.11, of devices that all have it.
    known = torch.compiler.is_compiling() or torch.amp.is_autocast_available(device)
    return known and torch.is_autocast_enabled(device)


def _type(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")
