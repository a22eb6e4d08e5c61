"""A program of a user without a framework; checkers of types must refuse lines with `# error`."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np

import conformance
import weights


def accepted(path: Path) -> None:
    file = weights.read_file(path)
    assert_type(file.tensors, dict[str, np.ndarray])
    config = weights.configure(file.architecture, file.config)
    print([(spec.name, spec.shape) for spec in config.tensors()], config.macs(224, 224))
    weights.write_file("copy.safetensors", file.architecture, file.config, file.tensors)
    layer = weights.GhostConvConfig(8, 16, kernel_size=(3, 3), split="ceil")
    assert_type(layer.channels.c_int, int)
    print(conformance.__version__)


def build(architecture: str, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    raise conformance.NotSupported("no second layer")


def refused(file: weights.WeightFile) -> None:
    weights.read_file(3)  # error
    weights.read_file("layer.safetensors", strict=True)  # error
    weights.write_file("copy.safetensors", file.tensors, file.config)  # error
    weights.GhostConvConfig(8)  # error
    weights.GhostConvConfig(8, 16, kernel=3)  # error
    weights.GhostConvConfig(8, 16, split="rond")  # error
    file.weights  # error
