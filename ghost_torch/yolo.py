"""The ghost modules of the YOLO family, as ultralytics has them: names, arguments, results."""

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from ghost_torch import bottleneck, ghost_conv
from ghost_torch.framework.options import TorchOptions
from ghost_torch.framework.planned import Planned, from_plan
from ghost_torch.ghost_conv import conv_norm_act
from ghost_torch.layers import check_input, module_list
from weights.modules.arguments import Size
from weights.modules.forms import PlainForm
from weights.modules.yolo import (
    C3GhostConfig,
    check_without_effect,
    ghost_bottleneck_arguments,
    ghost_conv_arguments,
)

# The objects that `act` may be, by the name of the activation.
OWN: dict[str, tuple[Any, ...]] = {
    "relu": (nn.ReLU, torch.relu, nn.functional.relu),
    "relu6": (nn.ReLU6, nn.functional.relu6),
    "silu": (nn.SiLU, nn.functional.silu),
    "hard_swish": (nn.Hardswish, nn.functional.hardswish),
    "identity": (nn.Identity,),
}


class GhostConv(ghost_conv.GhostConv):
    """ultralytics' GhostConv: half the channels, a cheap 5x5 convolution, SiLU, eps 1e-3.

    Args:
        c1, c2: channels of the input and of the output.
        k, s: kernel and stride of the primary convolution, which pads by `k // 2`.
        g: groups of the primary convolution.
        act: True (SiLU), False (none), or an activation by its name or as the framework has it.
        options: `device` and `dtype`, as for PyTorch's layers.

    Shapes: x: (N, c1, H, W) to (N, c2, H', W').

    >>> GhostConv(16, 32, 3, 2).eval()(torch.zeros(1, 16, 11, 10)).shape
    torch.Size([1, 32, 6, 5])
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        g: int = 1,
        act: bool | str | Callable[[Tensor], Tensor] = True,
        **options: Unpack[TorchOptions],
    ) -> None:
        arguments = ghost_conv_arguments(c1, c2, k, s, g, act, OWN)
        super().__init__(**arguments, **options)


class GhostBottleneck(bottleneck.GhostBottleneck):
    """ultralytics' GhostBottleneck: two of its GhostConvs, the second linear.

    Args:
        c1, c2: channels of the input and of the output; `c2` divisible by 4, and equal to `c1` at
            stride 1.
        k: kernel of the strided convolution, which stride 1 leaves out.
        s: 1 or 2.
        options: `device` and `dtype`, as for PyTorch's layers.

    Shapes: x: (N, c1, H, W) to (N, c2, H', W').

    >>> GhostBottleneck(16, 32, 5, 2).eval()(torch.zeros(1, 16, 9, 9)).shape
    torch.Size([1, 32, 5, 5])
    """

    def __init__(
        self, c1: int, c2: int, k: int = 3, s: int = 1, **options: Unpack[TorchOptions]
    ) -> None:
        arguments = ghost_bottleneck_arguments(c1, c2, k, s)
        super().__init__(**arguments, **options)


class C3Ghost(Planned):
    """ultralytics' C3Ghost: a cross-stage partial block of GhostBottlenecks.

    Args:
        c1, c2: channels of the input and of the output.
        n: number of bottlenecks.
        shortcut, g: without effect, as in ultralytics.
        e: share of `c2` that the inner channels are, rounded down; half in ultralytics.
        hidden: number of inner channels, a multiple of 4; None is `c2` times `e`.
        bn_eps, bn_momentum: of every batch normalisation; ultralytics sets both after construction.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions), which does not train.
        device, dtype: place and type of the parameters, as for PyTorch's layers.

    Shapes: x: (N, c1, H, W) to (N, c2, H, W).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> C3Ghost(32, 32, 2).eval()(torch.zeros(1, 32, 8, 8)).shape
    torch.Size([1, 32, 8, 8])
    """

    architecture = "c3_ghost"

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,
        shortcut: bool = True,
        g: int = 1,
        e: float = 0.5,
        *,
        hidden: int | None = None,
        bn_eps: float = 1e-3,
        bn_momentum: float = 0.03,
        form: PlainForm = "training",
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_without_effect(shortcut, g)
        plan = C3GhostConfig(c1, c2, n, e, hidden, bn_eps, bn_momentum, form)
        super().__init__(plan, device, dtype)

    def _set_up(self, plan: C3GhostConfig, **options: Any) -> None:
        self.cv1 = conv_norm_act(plan.convolutions["cv1"], *plan.batch_norm, "silu", **options)
        self.cv2 = conv_norm_act(plan.convolutions["cv2"], *plan.batch_norm, "silu", **options)
        self.cv3 = conv_norm_act(plan.convolutions["cv3"], *plan.batch_norm, "silu", **options)
        self.m = module_list(
            from_plan(bottleneck.GhostBottleneck, block, **options) for block in plan.bottlenecks
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, c1, H, W) to (N, c2, H, W)."""
        check_input(self, x)
        out = self.cv1(x)
        for block in self.m:
            out = block(out)
        out = torch.cat([out, self.cv2(x)], dim=1)
        return self.cv3(out)
