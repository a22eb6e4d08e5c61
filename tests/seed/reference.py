"""What the seed's class computed on 12 configurations, in float64."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference_files import reference_file
from weights.files.storage import read_safetensors

CASE_IDS = tuple(f"{number:02}" for number in range(12))

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class SeedCase:
    """One configuration: what went in, what came out; arrays are NCHW."""

    id: str
    config: dict[str, Any]
    x: np.ndarray = field(repr=False)
    weights: Tensors = field(repr=False)
    output: np.ndarray = field(repr=False)
    cotangent: np.ndarray = field(repr=False)
    training_output: np.ndarray = field(repr=False)
    gradients: Tensors = field(repr=False)
    statistics: Tensors = field(repr=False)

    def weights_as(self, dtype: str) -> Tensors:
        """The weights in another type: they are float32 numbers, so float64 holds them exactly."""
        return {name: array.astype(dtype) for name, array in self.weights.items()}


def seed_case(case_id: str) -> SeedCase:
    """The case of that id."""
    tensors, configs = _cases(reference_file("seed/ghost_conv_cases.safetensors"))
    under = {name[3:]: array for name, array in tensors.items() if name.startswith(case_id)}
    gradients = {"input": under["train/grad_input"]} | _below("train/grad/", under)
    return SeedCase(
        case_id,
        configs[case_id],
        under["input"],
        _below("weights/", under),
        under["eval/output"],
        under["train/output_cotangent"],
        under["train/output"],
        gradients,
        _below("train/after/", under),
    )


@cache
def _cases(path: Path) -> tuple[Tensors, dict[str, dict[str, Any]]]:
    tensors, metadata = read_safetensors(path)
    return tensors, {case["id"]: case["config"] for case in json.loads(metadata["cases"])}


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {
        name.removeprefix(prefix): array
        for name, array in tensors.items()
        if name.startswith(prefix)
    }
