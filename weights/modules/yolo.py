"""The modules of the YOLO family that are made of ghost convolutions, as ultralytics has them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Annotated, Any

from weights import arithmetic, checks
from weights.errors import ArgumentError
from weights.modules.arguments import (
    ACTIVATIONS,
    Count,
    Momentum,
    Ratio,
    activation,
    leaky_slope,
)
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.configuration import UNLESS_DEFAULT, Configuration
from weights.modules.convolutions import ConvolutionPlan
from weights.modules.forms import TRAINING, PlainForm
from weights.tensors import SizedTensors, Sizes, under
from weights.text import brief

# Of every ghost convolution of the family; ultralytics sets the two numbers after construction.
CHEAP_KERNEL, EPS, MOMENTUM = 5, 1e-3, 0.03
NORM = {"bn_eps": EPS, "bn_momentum": MOMENTUM}
SHARED = {"dw_kernel_size": CHEAP_KERNEL, "split": "floor"} | NORM
# The kernel of a bottleneck without a strided convolution, which alone would have it.
UNUSED_KERNEL = 3
# The objects of a framework that are an activation, by its name: functions, and classes of modules.
Own = Mapping[str, Collection[Any]]


def ghost_conv_arguments(
    c1: int, c2: int, k: Any = 1, s: Any = 1, g: int = 1, act: Any = True, own: Own | None = None
) -> dict[str, Any]:
    """Arguments of GhostConv for ultralytics' `GhostConv(c1, c2, k, s, g, act)`.

    `act` is True (SiLU), False (none), the name of an activation, or one of `own`.
    """
    kernel_size = checks.pair("k", k, minimum=1)
    return {
        "c_in": c1,
        "c_out": c2,
        "kernel_size": kernel_size,
        "stride": s,
        "padding": tuple(arithmetic.same_padding(size) for size in kernel_size),
        "groups": g,
        "activation": activation_name(act, own or {}),
        **SHARED,
    }


def ghost_bottleneck_arguments(c1: int, c2: int, k: int = 3, s: int = 1) -> dict[str, Any]:
    """Arguments of GhostBottleneck for ultralytics' `GhostBottleneck(c1, c2, k, s)`.

    Raises `ArgumentError` where ultralytics' block would add two shapes, or ignore the stride. At
    stride 1 no layer has the kernel `k`.
    """
    c1 = checks.integer("c1", c1, minimum=1)
    c2 = checks.integer("c2", c2, minimum=1)
    if s not in (1, 2):
        raise ArgumentError(f"`s` must be 1 or 2 in the YOLO family, got {brief(s)}")
    k = checks.integer("k", k, minimum=1) if s == 1 else checks.odd_integer("k", k)
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
        "kernel_size": k if k % 2 else UNUSED_KERNEL,
        "stride": s,
        "activation": "silu",
        **SHARED,
    }


def check_without_effect(shortcut: Any, g: Any) -> None:
    """Check the two arguments of ultralytics' C3Ghost that have no effect, there as here.

    They are those of its base class's bottlenecks, which GhostBottlenecks replace.
    """
    checks.boolean("shortcut", shortcut)
    checks.integer("g", g, minimum=1)


def activation_name(act: Any, own: Own) -> str:
    """The activation that ultralytics' `act` means, or that a framework's own object is.

    >>> activation_name(True, {}), activation_name(False, {}), activation_name(abs, {"relu": [abs]})
    ('silu', 'identity', 'relu')
    """
    if isinstance(act, bool):
        return "silu" if act else "identity"
    for name, objects in own.items():
        if not isinstance(act, type) and any(act is each or type(act) is each for each in objects):
            return name
    if leaky_slope(act) is not None:
        return activation("act", act)
    if not isinstance(act, str) or act not in ACTIVATIONS:
        raise ArgumentError(
            "`act` must be True (silu), False (identity), leaky_relu:SLOPE, or one of "
            f"{', '.join(ACTIVATIONS)}, by name or as the framework has it, got {brief(act)}"
        )
    return act


@dataclass(frozen=True)
class C3GhostConfig(Configuration):
    """Every argument of C3Ghost, checked: a cross-stage partial block of GhostBottlenecks.

    `hidden` is the number of inner channels, by default `c2` times `e`, rounded down. ultralytics'
    arguments `shortcut` and `g` have no effect there and are left out.

    >>> C3GhostConfig(32, 32, 2).hidden
    16
    >>> C3GhostConfig(16, 88, e=60 / 88, hidden=60).to_dict()["hidden"]  # 60 / 88 * 88 is below 60
    60
    """

    c1: int
    c2: int
    n: Count = 1
    e: Ratio = 0.5
    hidden: Any = None
    bn_eps: float = EPS
    bn_momentum: Momentum = MOMENTUM
    form: Annotated[PlainForm, UNLESS_DEFAULT] = TRAINING

    input_argument, output_argument, first_norm = "c1", "c2", "cv1.1"

    def check_together(self) -> None:
        """Check the inner channels, by default `c2` times `e`."""
        hidden, by_share = self.hidden, int(self.c2 * self.e)
        hidden = by_share if hidden is None else checks.integer("hidden", hidden, minimum=1)
        self._set("hidden", hidden)
        if hidden < 1 or (self.n and hidden % 4):
            what, got = "`hidden`", str(hidden)
            if hidden == by_share:
                what, got = "`c2` times `e`", f"{self.c2} x {self.e}"
            raise ArgumentError(
                f"{what} must be a multiple of 4, got {got}: each GhostBottleneck halves the inner "
                "channels twice"
            )

    @cached_property
    def convolutions(self) -> Mapping[str, ConvolutionPlan]:
        """The three 1x1 convolutions by name: into the bottlenecks, past them, and out."""
        inner, outer = (self.c1, self.hidden), (2 * self.hidden, self.c2)
        channels = {"cv1": inner, "cv2": inner, "cv3": outer}
        return {name: ConvolutionPlan(*c).fold(self.folded) for name, c in channels.items()}

    @cached_property
    def bottleneck(self) -> GhostBottleneckConfig | None:
        """The configuration that all bottlenecks share; None where there are none."""
        if not self.n:
            return None
        arguments = ghost_bottleneck_arguments(self.hidden, self.hidden)
        arguments |= self.only("bn_eps", "bn_momentum", "form")
        return GhostBottleneckConfig(**arguments)

    @property
    def bottlenecks(self) -> Iterator[GhostBottleneckConfig]:
        """The `n` bottlenecks one after another: a file may ask for more than memory holds."""
        return repeat(self.bottleneck, self.n) if self.bottleneck else iter(())

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it; `hidden` where it is not the default."""
        values = super().to_dict()
        if self.hidden == int(self.c2 * self.e):
            del values["hidden"]
        return values

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the block, and the sizes that their layers make."""
        for name, convolution in self.convolutions.items():
            yield from convolution.tensors(sizes, f"{name}.0", f"{name}.1")
        for index, block in enumerate(self.bottlenecks):
            yield from under(f"m.{index}", block.tensors_at(sizes))
