"""How large a module is: parameters, and multiply-accumulates for one image."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from weights.errors import ArgumentError
from weights.networks.architectures import configure
from weights.networks.variants import expand
from weights.tensors import fit


@dataclass(frozen=True)
class Summary:
    """The counts of a module.

    `parameters` are what training changes, `statistics` running means and variances,
    `multiply_accumulates` those of convolutions and linear layers for one image of `height` x
    `width`: what the papers call FLOPs.
    """

    architecture: str
    parameters: int
    statistics: int
    height: int
    width: int
    multiply_accumulates: int


def summarise(
    architecture: str, config: Mapping[str, Any], size: tuple[int, int] | None = None
) -> Summary:
    """The counts of an architecture, or of a variant such as `ghostnet_100`.

    `size` is (height, width). Raises `ArgumentError` for an unknown architecture and for a
    configuration that breaks a rule.

    >>> summarise("ghostnet_100", {}).multiply_accumulates
    141150512
    >>> counts = summarise("ghost_conv", {"c_in": 8, "c_out": 16}, (4, 4))
    >>> counts.parameters, counts.statistics, counts.multiply_accumulates
    (168, 32, 2176)
    """
    architecture, config = expand(architecture, config)
    module = configure(architecture, config)
    height, width = size or module.default_size
    if not fit(module.tensors_at((height, width))):
        raise ArgumentError(f"`size` must be one that {architecture} takes, got {height}x{width}")
    counts = {True: 0, False: 0}
    for spec in module.tensors():
        counts[spec.trainable] += prod(spec.shape)
    macs = module.macs(height, width)
    return Summary(architecture, counts[True], counts[False], height, width, macs)
