"""The modules of the YOLO family that are made of ghost convolutions, as ultralytics has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from weights import arithmetic, checks
from weights.bottleneck import GhostBottleneckConfig
from weights.branches import FOLDED, TRAINING, check_form, form_in_words
from weights.convolutions import (
    ConvolutionPlan,
    Operation,
    Sizes,
    check_image,
    check_statistics_of,
    count_macs,
)
from weights.errors import ArgumentError
from weights.ghost_conv import ACTIVATIONS
from weights.tensors import TensorSpec

# What every ghost convolution of the family has; the two numbers are set after construction there.
CHEAP_KERNEL, EPS, MOMENTUM = 5, 1e-3, 0.03


def ghost_conv_arguments(
    c1: int, c2: int, k: Any = 1, s: Any = 1, g: int = 1, act: Any = True
) -> dict[str, Any]:
    """Arguments of GhostConv for ultralytics' `GhostConv(c1, c2, k, s, g, act)`.

    `act` is True (SiLU), False (none) or the name of an activation.
    """
    kernel_size = checks.odd_pair("k", k)
    return {
        "c_in": c1,
        "c_out": c2,
        "kernel_size": kernel_size,
        "stride": s,
        "padding": tuple(arithmetic.same_padding(size) for size in kernel_size),
        "groups": g,
        "activation": activation_name(act),
        **_shared(),
    }


def ghost_bottleneck_arguments(c1: int, c2: int, k: int = 3, s: int = 1) -> dict[str, Any]:
    """Arguments of GhostBottleneck for ultralytics' `GhostBottleneck(c1, c2, k, s)`.

    Raises `ArgumentError` where theirs would add what has two shapes, or leave a stride out.
    """
    c1 = checks.integer("c1", c1, minimum=1)
    c2 = checks.integer("c2", c2, minimum=1)
    if s not in (1, 2):
        raise ArgumentError(f"`s` must be 1 or 2 in the YOLO family, got {s!r}")
    if c2 % 4:
        raise ArgumentError(f"`c2` must be divisible by 4, got {c2}: it is halved twice")
    if s == 1 and c1 != c2:
        raise ArgumentError(
            f"`c1` and `c2` must be equal at stride 1, got {c1} and {c2}: the shortcut is the "
            "input itself"
        )
    return {
        "c_in": c1,
        "c_mid": c2 // 2,
        "c_out": c2,
        "kernel_size": k,
        "stride": s,
        "activation": "silu",
        **_shared(),
    }


def activation_name(act: Any) -> str:
    """The activation that ultralytics' `act` means."""
    names = {True: "silu", False: "identity"}
    return names[act] if isinstance(act, bool) else checks.choice("act", act, ACTIVATIONS)


def _shared() -> dict[str, Any]:
    return {
        "dw_kernel_size": CHEAP_KERNEL,
        "split": "floor",
        "bn_eps": EPS,
        "bn_momentum": MOMENTUM,
    }


@dataclass(frozen=True)
class C3GhostConfig:
    """Every argument of C3Ghost, checked: a cross-stage partial block of GhostBottlenecks.

    `e` is the share of `c2` that the inner channels are. ultralytics' arguments `shortcut` and `g`
    have no effect there and are left out.

    >>> C3GhostConfig(32, 32, 2).hidden
    16
    """

    c1: int
    c2: int
    n: int = 1
    e: float = 0.5
    bn_eps: float = EPS
    bn_momentum: float = MOMENTUM
    form: str = TRAINING

    def __post_init__(self) -> None:
        checked = {
            "c1": checks.integer("c1", self.c1, minimum=1),
            "c2": checks.integer("c2", self.c2, minimum=1),
            "n": checks.integer("n", self.n, minimum=0),
            "e": checks.plain_number(checks.number("e", self.e, minimum=0)),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
            "form": checks.choice("form", self.form, (TRAINING, FOLDED)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.hidden < 1 or (self.n and self.hidden % 4):
            raise ArgumentError(
                f"`c2` times `e` must be a multiple of 4, got {self.c2} x {self.e}: each "
                "GhostBottleneck halves the inner channels twice"
            )

    @property
    def hidden(self) -> int:
        """The inner channels."""
        return int(self.c2 * self.e)

    @property
    def convolutions(self) -> dict[str, ConvolutionPlan]:
        """The three 1x1 convolutions by name: into the bottlenecks, past them, and out."""
        folded = self.form == FOLDED
        return {
            "cv1": ConvolutionPlan(self.c1, self.hidden, bias=folded),
            "cv2": ConvolutionPlan(self.c1, self.hidden, bias=folded),
            "cv3": ConvolutionPlan(2 * self.hidden, self.c2, bias=folded),
        }

    @property
    def bottleneck(self) -> GhostBottleneckConfig:
        """The bottleneck that stands there `n` times."""
        arguments = ghost_bottleneck_arguments(self.hidden, self.hidden)
        own = {"bn_eps": self.bn_eps, "bn_momentum": self.bn_momentum, "form": self.form}
        return GhostBottleneckConfig(**(arguments | own))

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.c1

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it."""
        return form_in_words({field.name: getattr(self, field.name) for field in fields(self)})

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the block, in the order of PyTorch's `state_dict`."""
        for name, plan in self.convolutions.items():
            yield from plan.tensors_with_norm(f"{name}.0", f"{name}.1")
        for index in range(self.n):
            yield from (spec.under(f"m.{index}") for spec in self.bottleneck.tensors())

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution, for an input of these sizes (height, width)."""
        for plan in self.convolutions.values():
            yield Operation(plan, sizes)
        for _ in range(self.n):
            yield from self.bottleneck.operations(sizes)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int, Any, Any]:
        """Shape of the output as (N, C, H, W)."""
        return batch, self.c2, height, width

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the block cannot take; shape is (N, C, H, W)."""
        check_image(shape, dtype, "c1", self.c1)
        check_form(self.form, training=training)
        if training:
            check_statistics_of(self.operations((shape[2], shape[3])), shape[0])
