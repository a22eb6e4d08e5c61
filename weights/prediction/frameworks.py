"""The frameworks that can run a network: which are installed, and how one is asked for it.

Each is imported by name, and only when it runs: this package needs none of them.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from weights.checks import choice
from weights.errors import GhostError
from weights.files.file import WeightFile

ALL = "all"

Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Framework:
    """A framework: its short name, the package of this project for it, and what that needs."""

    name: str
    package: str
    needs: tuple[str, ...]

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is not installed here."""
        return tuple(name for name in (self.package, *self.needs) if find_spec(name) is None)

    @property
    def gap(self) -> str:
        """What is not installed here, and the way out."""
        return f"{', '.join(self.lacks)} not installed: pip install 'ghostconv[{self.name}]'"

    def build(self, file: WeightFile) -> Network:
        """The network of a file in float32, from (N, C, H, W) to its output."""
        module = f"{self.package}.adapter"
        try:
            adapter = importlib.import_module(module)
        except ImportError as error:
            raise GhostError(f"cannot import {module}: {error}") from error
        weights = {name: array.astype(np.float32) for name, array in file.tensors.items()}
        network: Network = adapter.build(file.architecture, file.config, weights)
        return network


FRAMEWORKS: Mapping[str, Framework] = {
    "torch": Framework("torch", "ghost_torch", ("torch",)),
    "jax": Framework("jax", "ghost_jax", ("jax", "flax")),
    "tf": Framework("tf", "ghost_tf", ("keras", "tensorflow")),
}


def build_all(chosen: Sequence[Framework], file: WeightFile) -> dict[str, Network]:
    """The network of a file in each framework.

    Where PyTorch and TensorFlow meet, triton comes first: PyTorch's CUDA build imports it late, and
    a process that has imported TensorFlow does not survive that.
    """
    if {"torch", "tf"} <= {each.name for each in chosen} and "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")
    return {each.name: each.build(file) for each in chosen}


def choose(name: str | None) -> list[Framework]:
    """The framework of that name, all that are installed for `all`, or the first of them.

    Raises `GhostError` where it, or every one, is not installed.
    """
    if name is not None and name in FRAMEWORKS:
        if FRAMEWORKS[name].lacks:
            raise GhostError(f"cannot run the network in {name}: {FRAMEWORKS[name].gap}")
        return [FRAMEWORKS[name]]
    installed = [framework for framework in FRAMEWORKS.values() if not framework.lacks]
    if not installed:
        gaps = "".join(f"\n  - {framework.gap}" for framework in FRAMEWORKS.values())
        raise GhostError(f"a network needs one of the frameworks to run:{gaps}")
    if name is None:
        return installed[:1]
    choice("framework", name, (*FRAMEWORKS, ALL))
    return installed


def missing() -> dict[str, str]:
    """The frameworks that are not installed: what each lacks, and the way out."""
    return {name: framework.gap for name, framework in FRAMEWORKS.items() if framework.lacks}
