"""The ghost modules of the YOLO family, as ultralytics has them: names, arguments, results."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from conformance.oracle import bottleneck, ghost_conv
from conformance.oracle.ghost_conv import conv_norm_act
from conformance.oracle.layers import ACTIVATIONS, check_input, module_list
from conformance.oracle.planned import Planned, from_plan
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
    "relu": (ACTIVATIONS["relu"],),
    "relu6": (ACTIVATIONS["relu6"],),
    "silu": (ACTIVATIONS["silu"],),
    "hard_swish": (ACTIVATIONS["hard_swish"],),
    "identity": (ACTIVATIONS["identity"],),
}


class GhostConv(ghost_conv.GhostConv):
    """ultralytics' GhostConv: half the channels, a cheap 5x5 convolution, SiLU, eps 1e-3.

    `act` is True (SiLU), False (none), or an activation by its name or as the framework has it.

    Shapes: x: (N, c1, H, W) to (N, c2, H', W').

    >>> GhostConv(16, 32, 3, 2)(np.zeros((1, 16, 11, 10))).shape
    (1, 32, 6, 5)
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        g: int = 1,
        act: bool | str | Callable[[np.ndarray], np.ndarray] = True,
        *,
        dtype: DTypeLike = np.float64,
    ) -> None:
        arguments = ghost_conv_arguments(c1, c2, k, s, g, act, OWN)
        super().__init__(**arguments, dtype=dtype)


class GhostBottleneck(bottleneck.GhostBottleneck):
    """ultralytics' GhostBottleneck: two of its GhostConvs, the second linear.

    Shapes: x: (N, c1, H, W) to (N, c2, H', W').

    >>> GhostBottleneck(16, 32, 5, 2)(np.zeros((1, 16, 9, 9))).shape
    (1, 32, 5, 5)
    """

    def __init__(
        self, c1: int, c2: int, k: int = 3, s: int = 1, *, dtype: DTypeLike = np.float64
    ) -> None:
        arguments = ghost_bottleneck_arguments(c1, c2, k, s)
        super().__init__(**arguments, dtype=dtype)


class C3Ghost(Planned):
    """ultralytics' C3Ghost: a cross-stage partial block of GhostBottlenecks.

    `shortcut` and `g` have no effect, there as here; `hidden` is the number of inner channels,
    where `c2` times `e`, rounded down, is not.

    Shapes: x: (N, c1, H, W) to (N, c2, H, W).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> C3Ghost(32, 32, 2)(np.zeros((1, 32, 8, 8))).shape
    (1, 32, 8, 8)
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
        dtype: DTypeLike = np.float64,
    ) -> None:
        check_without_effect(shortcut, g)
        plan = C3GhostConfig(c1, c2, n, e, hidden, bn_eps, bn_momentum, form)
        super().__init__(plan, dtype=dtype)

    def _set_up(self, plan: C3GhostConfig, **options: Any) -> None:
        self.cv1 = conv_norm_act(plan.convolutions["cv1"], *plan.batch_norm, "silu", **options)
        self.cv2 = conv_norm_act(plan.convolutions["cv2"], *plan.batch_norm, "silu", **options)
        self.cv3 = conv_norm_act(plan.convolutions["cv3"], *plan.batch_norm, "silu", **options)
        self.m = module_list(
            from_plan(bottleneck.GhostBottleneck, block, **options) for block in plan.bottlenecks
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, c1, H, W) to (N, c2, H, W)."""
        check_input(self, x)
        out = self.cv1(x)
        for block in self.m:
            out = block(out)
        out = np.concatenate([out, self.cv2(x)], axis=1)
        return self.cv3(out)
