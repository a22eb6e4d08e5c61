"""Limits of arguments, and of the memory that a configuration asks for.

A limit is no rule of a layer. It stops mistakes, and hostile files, before a framework sees the
number: some frameworks end the process at a stride or a padding that is too large for them. The
environment variable in each message raises the limit, at the user's own risk.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from weights.errors import ArgumentError, MismatchError
from weights.text import brief

if TYPE_CHECKING:
    from weights.networks.architectures import Config

# Digits of the value of an environment variable.
MOST_DIGITS = 18
# The narrowest type that a tensor may have.
LEAST_BYTES = 2
# Bytes that a missing tensor may have had.
SMALL_TENSOR = 1 << 15


@dataclass(frozen=True)
class Limit:
    """The largest value of a kind of arguments; the environment variable can set another."""

    kind: str
    default: int

    @property
    def variable(self) -> str:
        """The environment variable that sets another limit."""
        return f"GHOSTCONV_LARGEST_{self.kind}"

    @property
    def value(self) -> int:
        """The limit that holds now; raises `ArgumentError` where the variable is no number."""
        text = os.environ.get(self.variable)
        if text is None:
            return self.default
        if not text.isdecimal() or len(text) > MOST_DIGITS:
            raise ArgumentError(
                f"the environment variable {self.variable} must be a whole number, got "
                f"{brief(text)}"
            )
        return int(text)


# Numbers in one kernel: 8 GiB in float32.
KERNEL = Limit("KERNEL", 2**31)
CHANNELS = Limit("CHANNELS", 2**20)
REPEATS = Limit("REPEATS", 2**11)
KERNEL_SIZE = Limit("KERNEL_SIZE", 2**10)
STRIDE = Limit("STRIDE", 2**10)
PADDING = Limit("PADDING", 2**10)
DILATION = Limit("DILATION", 2**10)
WIDTH = Limit("WIDTH", 2**4)
RATIO = Limit("RATIO", 2**20)
# Bytes of the header of a file: GhostNetV3's has 0.4 MB, and a second is enough to refuse this.
HEADER = Limit("HEADER", 2_000_000)
# Height and width of the images that a file asks for.
IMAGE = Limit("IMAGE", 2**11)
# Images that an int8 artefact is calibrated or judged by.
IMAGES = Limit("IMAGES", 2**14)

# The limit of every argument that has one, by its name.
LIMITS: Mapping[str, Limit] = {
    **dict.fromkeys(("c_in", "c_mid", "c_out", "channels", "c1", "c2", "hidden"), CHANNELS),
    **dict.fromkeys(("in_chans", "num_classes", "groups", "g"), CHANNELS),
    **dict.fromkeys(("branches", "depth", "n"), REPEATS),
    **dict.fromkeys(("kernel_size", "dw_kernel_size", "shortcut_kernel_size", "k"), KERNEL_SIZE),
    **dict.fromkeys(("stride", "s"), STRIDE),
    "padding": PADDING,
    **dict.fromkeys(("dilation", "dw_dilation"), DILATION),
    "width": WIDTH,
    **dict.fromkeys(("preprocess.resize", "preprocess.crop"), IMAGE),
    **dict.fromkeys(("ratio", "stem_ratio", "se_ratio", "e"), RATIO),
}


def check_limit(name: str, value: float, got: object) -> None:
    """Raise `ArgumentError` where an argument is larger than its limit; `got` is what was given.

    >>> check_limit("stride", 2**31, 2**31)
    Traceback (most recent call last):
        ...
    weights.errors.ArgumentError: `stride` must be at most 1024, got 2147483648: use a smaller \
one, or raise the limit by the environment variable GHOSTCONV_LARGEST_STRIDE
    """
    limit = LIMITS.get(name)
    if limit is not None and value > limit.value:
        raise ArgumentError(
            f"`{name}` must be at most {limit.value}, got {brief(got)}: use a smaller one, or "
            f"raise the limit by the environment variable {limit.variable}"
        )


def check_kernel(shape: tuple[int, ...]) -> None:
    """Raise `ArgumentError` for a kernel of more numbers than one may have."""
    numbers, most = prod(shape), KERNEL.value
    if numbers > most:
        raise ArgumentError(
            f"a kernel may have {most} numbers at most, got {brief(numbers)} in {brief(shape)}: "
            f"use fewer channels, or raise the limit by the environment variable {KERNEL.variable}"
        )


def check_demand(config: Config, tensors: int, size: int, what: str, *, spare: int = 0) -> None:
    """Raise `MismatchError` where a configuration asks for more than a file holds.

    Args:
        config: the configuration, whose tensors are counted up to the limit; none is built.
        tensors: the number of tensors in the file.
        size: their bytes.
        what: the beginning of the report, such as "cannot read it".
        spare: how many small tensors may be missing, for another check to name them.

    >>> from weights import configure
    >>> check_demand(configure("c3_ghost", {"c1": 8, "c2": 8, "n": 99}), 15, 999, "cannot read it")
    Traceback (most recent call last):
        ...
    weights.errors.MismatchError: cannot read it; nothing was changed. 1 problem:
      - the configuration asks for more than the 15 tensors of 999 bytes that are there
    """
    asked = 0
    for count, spec in enumerate(config.tensors(), start=1):
        asked += LEAST_BYTES * prod(spec.shape)
        if count > tensors + spare or asked > size + spare * SMALL_TENSOR:
            there = f"the {tensors} tensors of {size} bytes that are there"
            raise MismatchError(what, [f"the configuration asks for more than {there}"])
