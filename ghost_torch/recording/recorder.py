"""Recording the calls of a network's modules, by hooks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ghost_torch.adapter import strict_arithmetic, versions
from ghost_torch.facts import inside
from ghost_torch.weights_io import FRAMEWORK
from weights.columns.recording import recorder
from weights.columns.recording.calls import Calls

__all__ = ["Recorder", "build", "strict_arithmetic", "versions"]


class Recorder(recorder.Recorder):
    """Runs a user's network of PyTorch."""

    framework = FRAMEWORK
    name = "PyTorch"

    def modules(self, network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
        return ((path, inside(module)) for path, module in network.named_modules())

    def tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array)

    def array(self, value: Any) -> np.ndarray | None:
        if not isinstance(value, Tensor):
            return None
        tensor = value.detach().cpu()
        return np.array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())

    def widened(self, network: nn.Module) -> nn.Module:
        return network.double()

    @contextmanager
    def watched(self, network: nn.Module, calls: Calls) -> Iterator[None]:
        def start(module: nn.Module, arguments: Any, options: Any) -> None:
            calls.start(module, arguments, options)

        handles = []
        for module in network.modules():
            handles.append(module.register_forward_pre_hook(start, with_kwargs=True))
            handles.append(
                module.register_forward_hook(lambda it, _, output: calls.end(it, output))
            )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def run(self, network: nn.Module, inputs: Sequence[Tensor], *, training: bool) -> Any:
        network.train(training)
        with torch.no_grad():
            return network(*inputs)

    def differentiate(self, network: nn.Module, inputs: Sequence[Tensor]) -> None:
        output = network.train()(*inputs)
        output.backward(torch.from_numpy(self.cotangent(output.shape)).to(output.dtype))
        with torch.no_grad():
            for each in network.parameters():
                each.copy_(torch.zeros_like(each) if each.grad is None else each.grad)


build = Recorder.build
