"""Batch normalisation over processes without a GPU, for which PyTorch has none."""

from typing import Any

import torch
from torch import Tensor, distributed, nn


def synchronised(module: Any) -> Any:
    """Make the module as `nn.SyncBatchNorm.convert_sync_batchnorm` does, but for processors too.

    Args:
      module: any module of PyTorch; its batch normalisations are converted in place.
    """
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for each in converted.modules():
        if type(each) is nn.SyncBatchNorm:
            object.__setattr__(each, "__class__", SyncBatchNorm)
    return converted


class SyncBatchNorm(nn.BatchNorm2d):
    """Computes what `nn.SyncBatchNorm` does, by sums over the processes.

    PyTorch's own, and whatever is derived of it, `DistributedDataParallel` takes on GPUs alone.
    """

    process_group: Any
    momentum: float
    num_batches_tracked: Tensor
    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, C, H, W), the same out."""
        if not self.training:
            return super().forward(x)
        wide = x.to(self.running_mean.dtype)  # under autocast x is narrow
        mean, variance, count = self._moments(wide)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight / torch.sqrt(variance + self.eps)
        return ((wide - _spread(mean)) * _spread(scale) + _spread(self.bias)).to(x.dtype)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        axes = (0, 2, 3)
        own = torch.tensor(float(x[:, 0].numel()), device=x.device)
        count = _summed(own, self.process_group)
        mean = self._sum(x.sum(axes)) / count
        return mean, self._sum((x - _spread(mean)).square().sum(axes)) / count, count

    def _sum(self, x: Tensor) -> Tensor:
        return _Sum.apply(x, self.process_group)  # type: ignore[no-untyped-call]


class _Sum(torch.autograd.Function):
    """The sum over processes, each of which has a part of what is differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return _summed(x, group)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _summed(gradient, ctx.group), None


def _summed(x: Tensor, group: Any) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total, group=group)
    return total


def _spread(vector: Tensor) -> Tensor:
    return vector.view(-1, 1, 1)
