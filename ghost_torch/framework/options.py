"""The keywords that PyTorch's user gives every layer beside its configuration."""

from typing import Any, TypedDict

import torch

from weights import ArgumentError, checks


class TorchOptions(TypedDict, total=False):
    """Place and type of the parameters."""

    device: torch.device | str | int | None
    dtype: torch.dtype | None


# Those of the layers inside, once they are checked.
LayerOptions = TorchOptions


def checked_options(device: Any, dtype: Any) -> dict[str, Any]:
    """The arguments of a layer beside its plan, by keyword; raises `ArgumentError`."""
    if dtype is not None:
        checks.floating("`dtype`", str(dtype).removeprefix("torch."))
        if not isinstance(dtype, torch.dtype):
            raise ArgumentError(f"`dtype` must be a torch.dtype, got {dtype!r}: use torch.{dtype}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, ValueError):
        raise ArgumentError(
            f"`device` must be one that PyTorch has here, got {device!r}: such as 'cpu'"
        ) from None
    return {"device": device, "dtype": dtype}
