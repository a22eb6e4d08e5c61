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


def inputs(
    model: nn.Module, convolutions: Mapping[str, nn.Module], example: Any
) -> dict[str, list[Tensor]]:
    """What each convolution is given, by its path, when the model runs on the example."""
    seen: dict[str, list[Tensor]] = {path: [] for path in convolutions}
    modes = [(module, module.training) for module in model.modules()]
    with ExitStack() as stack:
        for path, conv in convolutions.items():
            handle = conv.register_forward_pre_hook(partial(_see, seen[path]))
            stack.callback(handle.remove)
        try:
            with torch.no_grad():
                model.eval()(*example)
        finally:
            for module, mode in modes:
                module.training = mode
    return seen


def timed(module: nn.Module, inputs: Sequence[Tensor]) -> Callable[[], None]:
    """A call of a convolution or GhostConv in inference on these inputs."""
    copy = deepcopy(module).eval()
    is_cuda = inputs[0].is_cuda

    def run() -> None:
        with torch.inference_mode():
            for x in inputs:
                copy(x)
        if is_cuda:
            torch.cuda.synchronize(inputs[0].device)

    return run


def outputs(conv: nn.Module, x: Tensor) -> np.ndarray:
    """The convolution's output without its activation: (N, C, H, W), in float64."""
    with torch.no_grad():
        return conv(x).double().cpu().numpy()


def activated(name: str, x: np.ndarray) -> np.ndarray:
    """The activation of that name, of an array in float64."""
    return activation(name)(torch.from_numpy(x)).numpy()


def variables(conv: Any) -> tuple[Tensor, Tensor | None]:
    """Kernel and bias; `None` where there is no bias."""
    return conv.weight, conv.bias


def _see(seen: list[Tensor], conv: nn.Module, arguments: tuple[Tensor, ...]) -> None:
    seen.append(arguments[0].detach())
