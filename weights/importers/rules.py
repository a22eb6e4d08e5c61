"""What an importer is: how it reads a module out of foreign names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

import numpy as np

from weights.arithmetic import ChannelSplit, split_channels
from weights.checks import choice, integer, plain_number
from weights.errors import ImportRefused
from weights.files.storage import PathLike
from weights.importers.checkpoints import Checkpoint
from weights.importers.gates import OWN_GATE
from weights.modules.arguments import SPLITS
from weights.networks.architectures import Config
from weights.tensors import TensorSpec

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The module that a checkpoint is of.

    `told` are the arguments that the tensors, or the file, tell; `usual` those of the foreign class
    where no tensor tells and they are not this project's defaults. `guessed` is what else is taken
    for granted: where `preprocess` and `classes` come from if from nothing but the number of
    classes, and what this project's networks always compute but a tensor cannot tell.
    """

    architecture: str
    told: Arguments
    usual: Arguments = field(default_factory=dict)
    preprocess: Mapping[str, Any] | None = None
    classes: tuple[str, ...] | None = None
    guessed: Mapping[str, str] = field(default_factory=dict)


def unchanged(spec: TensorSpec, array: np.ndarray) -> np.ndarray:
    """A foreign tensor that is what the canonical one is."""
    return array


def accept(path: PathLike) -> None:
    """No file is refused before it is read."""


@dataclass(frozen=True)
class Importer:
    """One foreign convention: the architectures it has, its names, and what it cannot express.

    `to_canonical` makes the canonical tensor of a foreign one, `gate` is the gate that its
    squeeze-and-excitation has, `refuse` raises for a file that is refused by its name.
    """

    name: str
    architectures: tuple[str, ...]
    plan: Callable[[Checkpoint, str | None, Arguments], Plan]
    foreign_name: Callable[[str], str]
    differences: Callable[[Config], Iterator[str]] = field(repr=False)
    to_canonical: Callable[[TensorSpec, np.ndarray], np.ndarray] = unchanged
    gate: str = OWN_GATE
    refuse: Callable[[PathLike], None] = accept


def find_ratio(c_out: Any, channels: ChannelSplit, split: Any) -> tuple[float, bool]:
    """A ratio that divides `c_out` channels like that, and whether no other integer does.

    >>> find_ratio(64, ChannelSplit(32, 1), "round")
    (2, True)
    >>> find_ratio(5, ChannelSplit(1, 4), "round")  # 4 or 5: the module computes the same
    (5, False)
    """
    c_out, split = integer("c_out", c_out, minimum=1), choice("split", split, SPLITS)
    c_int, widest = channels.c_int, channels.c_int + channels.c_cheap

    def fits(ratio: float) -> bool:
        return split_channels(c_out, ratio, split) == channels

    def is_other(ratio: float) -> bool:
        return 1 <= ratio <= c_out and fits(ratio)

    exact = [c_out / c_int] if split == "round" and c_out <= widest else []
    for ratio in (2, 1 + channels.multiplier, *exact):
        if c_out <= widest and fits(ratio):
            # The ratios that divide alike are neighbours.
            unique = ratio == int(ratio) and not is_other(ratio - 1) and not is_other(ratio + 1)
            return ratio, unique
    raise ImportRefused(
        f"no ratio divides {c_out} channels into {channels.c_int} primary and {channels.c_cheap} "
        f"cheap ones with split {split!r}: give `c_out`, `ratio` and `split` in the configuration"
    )


def find_ratios(divided: Mapping[int, ChannelSplit], split: str) -> Iterator[float]:
    """Ratios that divide each number of channels like that, plain ones first; none where none does.

    >>> next(find_ratios({16: ChannelSplit(6, 2), 32: ChannelSplit(13, 2)}, "round"))
    2.5
    """
    candidates = [1.0 + channels.multiplier for channels in divided.values()]
    if split == "round":
        low = max(c_out / (channels.c_int + 0.5) for c_out, channels in divided.items())
        plain = [x / n for n in (1, 2, 4, 10, 100) for x in (ceil(low * n), floor(low * n) + 1)]
        exact = [c_out / channels.c_int for c_out, channels in divided.items()]
        candidates = [2.0, *plain, *exact]
    for ratio in dict.fromkeys(candidates):
        if all(split_channels(c, ratio, split) == channels for c, channels in divided.items()):
            yield plain_number(ratio)
