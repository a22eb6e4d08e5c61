"""The module that is exported: float32 in and out, in the layout and the type of its notes."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from weights.deployment.notes import Notes

# Images of the example that tracers run, of which one would stand for itself alone.
EXAMPLES = 2


class Interface(nn.Module):
    """A copy of a module for inference, with the input and the output that the notes tell."""

    def __init__(self, module: nn.Module, notes: Notes) -> None:
        super().__init__()
        self.dtype = getattr(torch, notes.dtype)
        self.is_last = notes.layout == "nhwc"
        inner = copy.deepcopy(module).cpu().to(self.dtype)
        # Several exporters take a weight for what its order in memory says.
        self.module = inner.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, C, H, W) or, with channels last, (N, H, W, C), in float32."""
        given = x.permute(0, 3, 1, 2) if self.is_last else x
        out = self.module(given.to(self.dtype)).to(torch.float32)
        return out.permute(0, 2, 3, 1) if self.is_last and out.ndim == 4 else out


def example(notes: Notes) -> Tensor:
    """An input of the sizes of the notes, or of the usual ones where those are open."""
    height, width = notes.size or notes.plan.default_size
    channels = notes.plan.input_channels
    shape = (channels, height, width) if notes.layout == "nchw" else (height, width, channels)
    return torch.zeros(notes.batch or EXAMPLES, *shape)


def dynamic_shapes(notes: Notes) -> dict[str, Any]:
    """The open sizes of the input, by the name of the argument, as torch.export takes them."""
    rows = 2 if notes.layout == "nchw" else 1
    least = getattr(notes.plan, "minimum_size", 1)
    dims: dict[int, Any] = {} if notes.batch else {0: Dim("batch", min=1)}
    if notes.size is None:
        dims |= {rows: Dim("height", min=least), rows + 1: Dim("width", min=least)}
    return {"x": dims}
