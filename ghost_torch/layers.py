"""The framework's own layers, as this project uses them."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Unpack

import torch
from torch import Tensor, distributed, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from ghost_torch.framework.inputs import accept, accepted, check_tensor, untraced
from ghost_torch.framework.options import LayerOptions
from ghost_torch.synchronised import SyncBatchNorm
from weights import arithmetic
from weights.modules.arguments import leaky_slope
from weights.modules.convolutions import ConvolutionPlan

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "identity": nn.Identity,
}


def convolution(plan: ConvolutionPlan, **options: Unpack[LayerOptions]) -> nn.Conv2d:
    """A convolution with symmetric explicit padding."""
    return nn.Conv2d(
        plan.c_in,
        plan.c_out,
        plan.kernel_size,
        plan.stride,
        plan.padding,
        plan.dilation,
        plan.groups,
        plan.bias,
        **options,
    )


def batch_norm(
    channels: int, eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> nn.BatchNorm2d:
    """Batch normalisation that stores the unbiased variance."""
    return nn.BatchNorm2d(channels, eps, momentum, **options)


class Folded(nn.Module):
    """The place of a batch normalisation that is folded into the convolution before it."""

    def forward(self, x: Tensor) -> Tensor:
        """`x`."""
        return x


def norm_after(
    plan: ConvolutionPlan, eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> nn.Module:
    """The batch normalisation after a convolution, or `Folded` where none follows."""
    return batch_norm(plan.c_out, eps, momentum, **options) if plan.norm else Folded()


def linear(features: int, classes: int, **options: Unpack[LayerOptions]) -> nn.Linear:
    """A linear layer with bias."""
    return nn.Linear(features, classes, **options)


def dropout(rate: float, **options: Unpack[LayerOptions]) -> nn.Dropout:
    """Dropout of that rate."""
    return nn.Dropout(rate)


def activation(name: str) -> nn.Module:
    """The activation of that name."""
    slope = leaky_slope(name)
    return nn.LeakyReLU(slope) if slope else ACTIVATIONS[name]()


def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6."""
    # PyTorch's own has no second derivative, and in float64 a first one of float32 only.
    if isinstance(x, fx.Proxy):
        return nn.functional.hardsigmoid(x)
    is_differentiated = x.requires_grad and not torch.compiler.is_compiling()
    if is_differentiated or x.dtype == torch.float64:
        return nn.functional.relu6(x + 3) / 6
    return nn.functional.hardsigmoid(x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return x.sigmoid()


def global_avg_pool(x: Tensor) -> Tensor:
    """The mean over height and width, which stay as axes of one position."""
    return x.mean(dim=(2, 3), keepdim=True)


def avg_pool_2x2(x: Tensor) -> Tensor:
    """The means over 2x2; an odd last row or column is left out."""
    return nn.functional.avg_pool2d(x, 2)


def max_pool_2x2(x: Tensor) -> Tensor:
    """The maxima over 2x2; an odd last row or column is left out."""
    return nn.functional.max_pool2d(x, 2)


def resize_like(x: Tensor, other: Tensor) -> Tensor:
    """The nearest position, by the rule (i * in) // out, at height and width of `other`."""
    for axis in (2, 3):
        size, wanted = x.shape[axis], other.shape[axis]
        index = torch.arange(wanted, device=x.device)
        x = x.index_select(axis, arithmetic.nearest_source(index, size, wanted))
    return x


def rematerialised(block: nn.Module, x: Tensor) -> Tensor:
    """`block(x)`, of which nothing is remembered for the backward pass: it computes it again.

    The second time the running statistics stay as they are: they have moved already.
    """
    norms = [each for each in block.modules() if isinstance(each, _BatchNorm)]

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _frozen_statistics(norms)

    return checkpoint(block, x, use_reentrant=False, context_fn=contexts)


def module_list(modules: Iterable[nn.Module]) -> nn.ModuleList:
    """Modules in an order, under their indices."""
    return nn.ModuleList(modules)


def conv_norms(
    plans: Iterable[ConvolutionPlan], eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> Any:
    """Convolutions in turn, each with its batch normalisation."""
    layers: list[Any] = []
    for plan in plans:
        layers.append(convolution(plan, **options))
        layers.append(norm_after(plan, eps, momentum, **options))
    return module_list(layers)


def in_training(norm: nn.Module | None, training: bool | None = None) -> bool:
    """Whether the normalisation will use the statistics of the batch on this device."""
    if isinstance(norm, (nn.SyncBatchNorm, SyncBatchNorm)) and _is_distributed():
        return norm.training and distributed.get_world_size(norm.process_group) == 1
    return isinstance(norm, (_BatchNorm, Folded)) and norm.training


def check_input(module: Any, x: Tensor) -> None:
    """Raise `ArgumentError` for an input that the module cannot take."""
    modes = accepted(module, x)
    if True in modes or isinstance(x, fx.Proxy):  # which stands for every tensor
        return
    training = in_training(module.first_norm)
    if training in modes:
        return
    check_tensor(module, x)
    with untraced():
        shape = tuple(x.shape)
    module.plan.check_input(shape, dtype_name(x), training=training)
    accept(module, x, dtype_name(x))


def dtype_name(x: Tensor) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return str(x.dtype).removeprefix("torch.")


@contextmanager
def _frozen_statistics(norms: list[_BatchNorm]) -> Iterator[None]:
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm, (_, count) in zip(norms, kept, strict=True):
        norm.momentum, norm.num_batches_tracked = 0.0, count if count is None else count.clone()
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()
