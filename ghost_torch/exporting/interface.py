"""The module that is exported: float32 in and out, in the layout and the type of its notes."""

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from weights.deployment.notes import Notes

# Images of the example that tracers run, of which one would stand for itself alone.
EXAMPLES = 2
# The largest batch, and height and width, of runtimes that reserve memory for them.
LARGEST = (64, 512)


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


def example(notes: Notes, batch: int = EXAMPLES) -> Tensor:
    """An input of the sizes of the notes, or of `batch` and the usual ones where those are open."""
    least = notes.plan.minimum_size
    height, width = notes.size or (max(side, least) for side in notes.plan.default_size)
    channels = notes.plan.input_channels
    shape = (channels, height, width) if notes.layout == "nchw" else (height, width, channels)
    return torch.zeros(notes.batch or batch, *shape)


def exported(
    module: nn.Module, notes: Notes, largest: tuple[int, int] | None = None
) -> ExportedProgram:
    """The program of torch.export, with the open sizes of the notes.

    `largest` are the largest batch, and height and width, for runtimes that reserve their memory.
    """
    return captured(Interface(module, notes), notes, largest)


def captured(
    module: nn.Module, notes: Notes, largest: tuple[int, int] | None = None
) -> ExportedProgram:
    """The program of a module that has the input and the output of the notes already."""
    shapes = dynamic_shapes(notes, largest)
    # PyTorch asks whether 16 images come, and memory is reserved for the answer of the example.
    batch = largest[0] if largest else EXAMPLES
    settings: Any = torch.fx.experimental._config
    with warnings.catch_warnings(), settings.patch(backed_size_oblivious=True):
        warnings.simplefilter("ignore")
        # Neither a map that has one row at some sizes, nor what the solver cannot prove of all of
        # them, makes others an error; runtimes that reserve their memory know no such assertions.
        return torch.export.export(
            module,
            (example(notes, batch),),
            dynamic_shapes=shapes,
            prefer_deferred_runtime_asserts_over_guards=largest is None,
        )


def dynamic_shapes(notes: Notes, largest: tuple[int, int] | None = None) -> dict[str, Any]:
    """The open sizes of the input, by the name of the argument, as torch.export takes them."""
    rows = 2 if notes.layout == "nchw" else 1
    least = notes.plan.minimum_size
    batch, side = largest or (None, None)
    dims: dict[int, Any] = {} if notes.batch else {0: Dim("batch", min=1, max=batch)}
    if notes.size is None:
        dims |= {
            rows + i: Dim(name, min=least, max=side) for i, name in enumerate(("height", "width"))
        }
    return {"x": dims}
