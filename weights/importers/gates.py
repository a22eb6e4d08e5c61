"""Gates of squeeze-and-excitation, converted by algebra to the one of this project.

The last convolution w x + b of squeeze-and-excitation feeds the gate. clip(z, 0, 1) is
relu6(6 z - 3 + 3) / 6, hence w' = 6 w, b' = 6 b - 3; Keras 2's clip(z / 5 + 1 / 2, 0, 1) is
relu6(1.2 z + 3) / 6, hence w' = 1.2 w, b' = 1.2 b. A sigmoid has no such form.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from weights.checks import choice
from weights.errors import ImportRefused

OWN_GATE = "relu6"
LAST_CONVOLUTION = "conv_expand."
IRREVERSIBLE = ("sigmoid",)


# Slope and offset of each gate, which is relu6(slope * z + offset + 3) / 6 of z.
GATES = {OWN_GATE: (1.0, 0.0), "clip01": (6.0, -3.0), "keras2": (1.2, 0.0)}


def irreversible(config: object) -> Iterator[str]:
    """Yield why a class with another gate cannot hold a module: 6 divides not every number."""
    yield "weights of its gate cannot be written back bit for bit"


def convert_gates(tensors: Mapping[str, np.ndarray], gate: str) -> dict[str, np.ndarray]:
    """Convert canonical tensors of a network with another gate to the gate of this project.

    Raises `ImportRefused` for a gate that no algebra converts.

    >>> bias = {"blocks.3.0.se.conv_expand.bias": np.array([0.5])}
    >>> convert_gates(bias, "clip01")
    {'blocks.3.0.se.conv_expand.bias': array([0.])}
    """
    if gate in IRREVERSIBLE:
        raise ImportRefused(
            f"the gate {gate} is not piecewise linear: no weights make relu6(x + 3) / 6 of it; "
            "train the network on with the other gate, or use it where it is"
        )
    slope, offset = GATES[choice("gate", gate, (*GATES, *IRREVERSIBLE))]
    converted = dict(tensors)
    for name, array in tensors.items() if gate != OWN_GATE else ():
        if LAST_CONVOLUTION in name:
            exact = array.astype(np.float64) * slope + offset * name.endswith(".bias")
            converted[name] = exact.astype(array.dtype)  # rounded once
    return converted
