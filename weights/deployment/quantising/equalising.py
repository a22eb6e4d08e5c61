"""Ghost convolutions whose channels share one scale, which int8 needs and float does not.

The two halves are concatenated and their activations have one scale for all channels. Where the
largest channel has 60 times the range of most, as in trained networks, 8 bits leave nothing of the
others. A ReLU lets a factor through, so that the range of each channel can be divided out of the
normalisation before it and multiplied into what reads it (Nagel et al., ICCV 2019, section 4.1).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from weights.networks.architectures import configure
from weights.networks.resnet import GhostResNetConfig

# The range of a channel is taken to end so many standard deviations above its mean; no channel is
# enlarged more than so many times as much as the largest.
DEVIATIONS, MOST = 3, 100

Tensors = Mapping[str, np.ndarray]


def equalised(architecture: str, config: Mapping[str, object], tensors: Tensors) -> Tensors | None:
    """Return tensors that compute the same with channels of one range; `None` where none change.

    Args:
        architecture: a network in which a batch normalisation follows each ghost convolution:
            Ghost-ResNet. In others what follows differs from layer to layer.
        config: its arguments; in a folded form the ranges are not known any more.
        tensors: its tensors, canonical names and layout.
    """
    plan = configure(architecture, config)
    if not isinstance(plan, GhostResNetConfig) or plan.folded:
        return None
    made = {name: array.copy() for name, array in tensors.items()}
    for path, norm in plan.normalised.items():
        _equalise(made, f"{path}.", f"{norm}.")
    return made


def _equalise(tensors: dict[str, np.ndarray], path: str, norm: str) -> None:
    """Divide the ranges out of the halves of one GhostConv, and multiply them into `norm`."""
    ranges = _divide(tensors, f"{path}primary_conv.1.")
    cheap = f"{path}cheap_conv.0.weight"
    if cheap in tensors:
        multiplier = len(tensors[cheap]) // len(ranges)
        tensors[cheap] *= np.repeat(ranges, multiplier)[:, None, None, None]
        ranges = np.concatenate([ranges, _divide(tensors, f"{path}cheap_conv.1.")])
    weight = tensors[f"{norm}weight"]
    weight *= ranges[: len(weight)]
    tensors[f"{norm}running_mean"] /= ranges[: len(weight)]


def _divide(tensors: dict[str, np.ndarray], norm: str) -> np.ndarray:
    """Divide the range of each channel (C,) out of the normalisation before a ReLU; return it."""
    weight, bias = tensors[f"{norm}weight"], tensors[f"{norm}bias"]
    reach = np.maximum(bias, 0) + DEVIATIONS * np.abs(weight)
    if not reach.max() > 0:
        return np.ones_like(reach)
    ranges: np.ndarray = np.maximum(reach, reach.max() / MOST)
    weight /= ranges
    bias /= ranges
    return ranges
