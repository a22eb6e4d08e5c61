"""The choice of frameworks that run a network, and the network in each of them."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Sequence

import numpy as np

from weights.checks import choice
from weights.errors import GhostError
from weights.files.file import WeightFile
from weights.frameworks import FRAMEWORKS, Framework

ALL = "all"

# From (N, C, H, W) in float32 to the logits (N, classes).
Network = Callable[[np.ndarray], np.ndarray]


def build(framework: Framework, file: WeightFile) -> Network:
    """Build the network of a file in a framework, in float32."""
    try:
        adapter = framework.load("adapter")
    except ImportError as error:
        raise GhostError(f"cannot import {framework.package}.adapter: {error}") from error
    weights = {name: array.astype(np.float32) for name, array in file.tensors.items()}
    return adapter.build(file.architecture, file.config, weights)


def build_all(chosen: Sequence[Framework], file: WeightFile) -> dict[str, Network]:
    """Build the network of a file in each framework, by the framework's name.

    Where PyTorch and TensorFlow meet, triton comes first: PyTorch's CUDA build imports it late, and
    a process that has imported TensorFlow does not survive that.
    """
    if {"torch", "tf"} <= {each.name for each in chosen} and "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")
    return {each.name: build(each, file) for each in chosen}


def choose(name: str | None) -> list[Framework]:
    """Return the framework of that name, all that are installed for `all`, or the first of them.

    Raises `GhostError` where it, or every one, is not installed.
    """
    if name is not None and choice("framework", name, (*FRAMEWORKS, ALL)) != ALL:
        if FRAMEWORKS[name].missing:
            raise GhostError(f"cannot run the network in {name}: {FRAMEWORKS[name].reason}")
        return [FRAMEWORKS[name]]
    installed = [framework for framework in FRAMEWORKS.values() if not framework.missing]
    if not installed:
        reasons = "".join(f"\n  - {framework.reason}" for framework in FRAMEWORKS.values())
        raise GhostError(f"a network needs one of the frameworks to run:{reasons}")
    return installed if name else installed[:1]


def missing() -> dict[str, str]:
    """Return why each framework that is not installed cannot run, by its name."""
    return {name: each.reason for name, each in FRAMEWORKS.items() if each.missing}
