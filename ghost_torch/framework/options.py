"""The keywords that PyTorch's user gives every layer beside its configuration."""

from typing import TypedDict

import torch


class TorchOptions(TypedDict, total=False):
    """Place and type of the parameters."""

    device: torch.device | str | int | None
    dtype: torch.dtype | None
