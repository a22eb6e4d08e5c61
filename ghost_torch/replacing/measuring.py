"""Convolutions of a model that runs: their inputs and outputs, and how long they take."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ghost_torch.layers import activation
from weights.replacing.example import Instead
from weights.replacing.following import next_to

# Modules mostly run in the order of their definition; the graph is not known.
following = next_to


def inputs(
    model: nn.Module,
    convolutions: Mapping[str, nn.Module],
    example: Any,
    instead: Instead | None = None,
) -> dict[str, list[Tensor]]:
    """What each convolution is given, by its path, when the model runs on the example."""
    seen: dict[str, list[Tensor]] = {path: [] for path in convolutions}
    modes = [(module, module.training) for module in model.modules()]
    with ExitStack() as stack:
        for path, conv in convolutions.items():
            handle = conv.register_forward_hook(partial(_see, path, seen[path], instead))
            stack.callback(handle.remove)
        try:
            with torch.no_grad():
                model.eval()(*example)
        finally:
            for module, mode in modes:
                module.training = mode
    return seen


def timed(module: nn.Module, inputs: Sequence[Tensor]) -> Callable[[], list[Tensor]]:
    """A call of a convolution or GhostConv in inference on these inputs."""
    copy = deepcopy(module).eval()
    is_cuda = inputs[0].is_cuda

    def run() -> list[Tensor]:
        with torch.no_grad():
            outputs = [copy(x) for x in inputs]
        if is_cuda:
            torch.cuda.synchronize(inputs[0].device)
        return outputs

    return run


def outputs(conv: nn.Module, x: Tensor) -> np.ndarray:
    """The convolution's output without its activation: (N, C, H, W), in float64."""
    with torch.no_grad():
        # Not the hooks, by which the convolution may be watched.
        return conv.forward(x).double().cpu().numpy()


def activated(name: str, x: np.ndarray) -> np.ndarray:
    """The activation of that name, of an array in float64."""
    return activation(name)(torch.from_numpy(x)).numpy()


def variables(conv: Any) -> tuple[Tensor, Tensor | None]:
    """Kernel and bias; `None` where there is no bias."""
    return conv.weight, conv.bias


def _see(
    path: str,
    seen: list[Tensor],
    instead: Instead | None,
    conv: nn.Module,
    arguments: tuple[Tensor, ...],
    output: Tensor,
) -> Any:
    seen.append(arguments[0])
    return instead(path, arguments[0]) if instead else None
