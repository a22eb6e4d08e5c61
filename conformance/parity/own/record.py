"""The calls of a network's modules, as its process sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from conformance.cases.tensors import Tensors

INPUTS, OUTPUTS = "inputs", "outputs"
NETWORK = "(the network)"


class Key(NamedTuple):
    """A module's path, and which of its calls is meant.

    >>> str(Key("stem", 0)), str(Key("block.act", 1)), str(Key("", 0))
    ('stem', 'block.act (call 2)', '(the network)')
    """

    path: str
    number: int

    def __str__(self) -> str:
        again = f" (call {self.number + 1})" if self.number else ""
        return f"{self.path or NETWORK}{again}"


@dataclass(frozen=True)
class Told:
    """A layer as a file tells it: its kind, its arguments, its tensors in canonical layout."""

    kind: str
    config: Mapping[str, Any]
    tensors: Tensors = field(repr=False)


@dataclass(frozen=True)
class Call:
    """A call of a module: its class, what it read and returned, and what the module is."""

    key: Key
    type: str
    inputs: Tensors = field(repr=False)
    outputs: Tensors = field(repr=False)
    told: Told | None


@dataclass(frozen=True)
class Record:
    """A run of a network: the calls of its modules, in the order in which they ended.

    Of a training step, `gradients` and `statistics` are by the names of tensors, and `before` what
    the statistics were; `no_gradients` says why there are none.
    """

    framework: str
    channels_last: bool
    double: bool
    training: bool
    calls: Mapping[Key, Call] = field(repr=False)
    gradients: Tensors = field(repr=False, default_factory=dict)
    statistics: Tensors = field(repr=False, default_factory=dict)
    before: Tensors = field(repr=False, default_factory=dict)
    no_gradients: str = ""

    @classmethod
    def read(cls, framework: str, sent: Mapping[str, Any]) -> Record:
        """The record that a process sent."""
        calls = [_call(each) for each in sent["calls"]]
        rest = {name: value for name, value in sent.items() if name != "calls"}
        return cls(framework, calls={call.key: call for call in calls}, **rest)

    def arrays(self, key: Key, side: str) -> Tensors:
        """Inputs or outputs of a call, images with their channels first.

        Which arrays are images only a comparison can tell: here those of four axes and more.
        """
        arrays: Tensors = getattr(self.calls[key], side)
        if not self.channels_last:
            return arrays
        return {
            name: np.moveaxis(array, -1, 1) if array.ndim > 3 else array
            for name, array in arrays.items()
        }


def _call(sent: Mapping[str, Any]) -> Call:
    told = None if sent["told"] is None else Told(**sent["told"])
    key = Key(sent["path"], sent["call"])
    return Call(key, sent["type"], sent["inputs"], sent["outputs"], told)
