"""The layers inside a module as they are now: kinds and settings, beside the weights."""

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from conformance.oracle.layers import Folded, LeakyReLU
from conformance.oracle.weighted import BatchNorm, Convolution, Linear
from weights.columns.actual import Facts

LAYERS = (Convolution, BatchNorm, Linear, Folded, LeakyReLU)


def facts(module: Any) -> Facts:
    """Every layer inside `module` by its path: its kind, and all that its result depends on."""
    return dict(_walk("", module))


def _walk(path: str, part: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    kind = next((each.__name__ for each in LAYERS if isinstance(part, each)), None)
    if kind:
        yield path, {"kind": kind, **_settings(part)}
    elif isinstance(part, FunctionType):
        yield path, {"kind": part.__name__}
    elif isinstance(part, list):
        for index, child in enumerate(part):
            yield from _walk(f"{path}.{index}", child)
    elif type(part).__module__.startswith(__package__):
        for name, child in vars(part).items():
            yield from _walk(f"{path}.{name}".removeprefix("."), child)


def _settings(layer: Any) -> dict[str, Any]:
    """The numbers of a layer, and which tensors it has."""
    values = {name: value for name, value in vars(layer).items() if name != "training"}
    return {
        name: "given" if isinstance(value, np.ndarray) else value for name, value in values.items()
    }
