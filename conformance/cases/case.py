"""A case of the suite: data from which its tensors are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# The seed's arguments, by which an id leaves out what is not said.
DEFAULTS = {"dilation": 1, "groups": 1, "split": "round", "activation": "relu"}
PREFIXES = {"kernel_size": "k", "stride": "s", "padding": "p", "ratio": "r", "dw_kernel_size": "dw"}
SUFFIXES = {"dilation": "d", "groups": "g", "split": "", "activation": ""}


@dataclass(frozen=True)
class Case:
    """What is run and on which data; JSON-able, and enough to make every tensor again."""

    id: str
    tier: str
    architecture: str
    config: Mapping[str, Any] = field(hash=False)
    input_shape: tuple[int, ...]
    data: str
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The case as JSON writes it."""
        return asdict(self) | {"input_shape": list(self.input_shape), "config": dict(self.config)}


PAIR = "-from-"


def pair_id(case_id: str, writer: str) -> str:
    """The id of a case between two implementations: who wrote the file that was loaded."""
    return f"{case_id}{PAIR}{writer}"


def split_pair(case_id: str) -> tuple[str, str]:
    """The case, and the writer of its file or an empty string.

    >>> split_pair("k1-s1-F32-from-ghost_jax")
    ('k1-s1-F32', 'ghost_jax')
    """
    case, _, writer = case_id.partition(PAIR)
    return case, writer


def describe(config: Mapping[str, Any], input_shape: tuple[int, ...]) -> str:
    """A GhostConv and its input in a few characters.

    >>> describe({"c_in": 7, "c_out": 10, "kernel_size": 3, "ratio": 3}, (2, 7, 9, 11))
    'k3-s1-p0-r3-dw3-c7x10-9x11-n2'
    """
    full = {"kernel_size": 1, "stride": 1, "padding": 0, "ratio": 2, "dw_kernel_size": 3, **config}
    batch, _, height, width = input_shape
    parts = [prefix + _short(full[name]) for name, prefix in PREFIXES.items()]
    parts += [f"c{full['c_in']}x{full['c_out']}", f"{height}x{width}", f"n{batch}"]
    for name, prefix in SUFFIXES.items():
        if full.get(name, DEFAULTS[name]) != DEFAULTS[name]:
            parts.append(prefix + _short(full[name]))
    return "-".join(parts)


def _short(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
