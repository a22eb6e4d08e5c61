"""A case of the suite: data from which its tensors are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from zlib import crc32

# The arguments of a GhostConv in the order of an id; those with a suffix only where they are given.
PREFIXES = {"kernel_size": "k", "stride": "s", "padding": "p", "ratio": "r", "dw_kernel_size": "dw"}
DEFAULTS = {"kernel_size": 1, "stride": 1, "padding": 0, "ratio": 2, "dw_kernel_size": 3}
SUFFIXES = {
    "dilation": "d", "dw_dilation": "dwd", "groups": "g", "split": "", "activation": "",
    "bias": "bias",
}  # fmt: skip
SUFFIX_DEFAULTS = {
    "dilation": 1, "dw_dilation": 1, "groups": 1, "split": "round", "activation": "relu",
    "bias": False,
}  # fmt: skip

# Tags, by which a tier that does not run every case selects its own.
USUAL = "usual"  # trained in the default run; `--full` trains the others too
FULL = "full"  # run with `--full` alone
HARD = "hard"  # trained on hard data too in the default run
SPECIAL = "special"  # sees NaN and infinity
FILES = "files"  # written to a file and read by every implementation
INFERENCE_ONLY = "inference-only"  # maps of one pixel, too few for batch statistics
STEP = "step"  # judged by a training step


@dataclass(frozen=True)
class Case:
    """A module, its input and how their data is drawn; JSON-able, and all that its tensors need.

    `data` names the distribution of weights and input, whose seed is that of the `id` alone.
    `form` is the form of the module that is judged, against the oracle's form for training.
    """

    id: str
    tier: str
    architecture: str
    config: Mapping[str, Any] = field(hash=False)
    input_shape: tuple[int, ...]
    data: str
    form: str = "training"
    tags: tuple[str, ...] = ()

    @property
    def seed(self) -> int:
        """The seed of the case's data: another case never changes it."""
        return crc32(self.id.encode())

    def to_dict(self) -> dict[str, Any]:
        """The case as JSON writes it."""
        sequences = {"input_shape": list(self.input_shape), "tags": list(self.tags)}
        return asdict(self) | sequences | {"config": dict(self.config)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Case:
        """The inverse of `to_dict`; raises `TypeError` and the like for what is no case."""
        if not all(
            isinstance(values[name], str) for name in ("id", "tier", "architecture", "data")
        ):
            raise TypeError("id, tier, architecture and data must be texts")
        sequences = {name: tuple(values[name]) for name in ("input_shape", "tags")}
        return cls(**{**values, **sequences, "config": dict(values["config"])})


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


def layer_case(
    tier: str, config: Mapping[str, Any], input_shape: tuple[int, ...], data: str,
    tags: tuple[str, ...] = (), name: str = "",
) -> Case:  # fmt: skip
    """The case of a GhostConv, named after its configuration, its input and its data.

    `name` is that of a layer which is somebody's own.
    """
    parts = (name, layer_id(config, input_shape), data, STEP if STEP in tags else "")
    return Case(
        "-".join(filter(None, parts)), tier, "ghost_conv", config, input_shape, data, tags=tags
    )


def layer_id(config: Mapping[str, Any], input_shape: tuple[int, ...]) -> str:
    """A GhostConv and its input in a few characters.

    >>> layer_id({"c_in": 7, "c_out": 10, "kernel_size": 3, "ratio": 3}, (2, 7, 9, 11))
    'k3-s1-p0-r3-dw3-c7x10-9x11-n2'
    """
    full = {**DEFAULTS, **SUFFIX_DEFAULTS, **config}
    batch, _, height, width = input_shape
    parts = [prefix + _short(full[name]) for name, prefix in PREFIXES.items()]
    parts += [f"c{full['c_in']}x{full['c_out']}", f"{height}x{width}", f"n{batch}"]
    parts += [
        suffix + _short(full[name])
        for name, suffix in SUFFIXES.items()
        if full[name] != SUFFIX_DEFAULTS[name]
    ]
    return "-".join(parts)


def _short(value: Any) -> str:
    if value is True:
        return ""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return "x".join(map(str, parts)).replace(":", "")
