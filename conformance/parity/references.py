"""Reading the inputs of a parity run, and outputs that were recorded for them.

Recorded outputs are a safetensors file. Each case in it has an input `CASE.input` (N, C, H, W) and
outputs `CASE.STAGE`, or `CASE.STAGE.mean_hw`, the means over height and width. A file of one case
may leave `CASE.` out. `stage0`, `stage1`, ... are the feature maps of a network that has some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.implementations.errors import shorten
from conformance.judging.stages import (
    OracleRun,
    Reference,
    allowed_error,
    global_avg_pool,
    smallest_input,
)
from conformance.oracle import weights_io
from weights import GhostError, WeightFile, configure
from weights.files.metadata import ENTRY
from weights.files.storage import read_header, read_safetensors
from weights.prediction.preprocess import preprocess
from weights.text import printable

INPUT, IMAGES, X = "input", "images", "x"
MEANS = ".mean_hw"


@dataclass(frozen=True)
class Recorded:
    """An input x: (N, C, H, W) and the outputs recorded for it, by stage.

    Of the stages in `means`, the outputs are means over height and width; `unknown` are records
    that no stage of the network is called after.
    """

    label: str
    x: np.ndarray = field(repr=False)
    outputs: Tensors = field(repr=False)
    means: frozenset[str]
    unknown: tuple[str, ...]

    def reference(self, run: OracleRun) -> Reference:
        """The recorded outputs, and the error that the oracle's own float32 run allows."""
        allowed = {}
        for stage, wanted in self.outputs.items():
            exact, float32 = run.exact[stage], run.float32[stage]
            if stage in self.means:
                exact, float32 = global_avg_pool(exact), global_avg_pool(float32)
            allowed[stage] = allowed_error(float32, exact, wanted)
        return Reference(self.outputs, allowed, self.means)


def is_weight_file(path: Path) -> bool:
    """True of a safetensors file that is an interchange file."""
    return ENTRY in read_header(path).metadata


def read_input(path: Path, file: WeightFile) -> np.ndarray:
    """The input (N, C, H, W) of a file with `x`, or `images` (N, H, W, C) for `file`'s preprocess.

    Raises `GhostError` where it holds neither.
    """
    return _input(path, read_safetensors(path)[0], file)


def read_recorded(path: Path, file: WeightFile, names: tuple[str, ...]) -> list[Recorded]:
    """Every case of recorded outputs of `file`'s network, whose stages are `names` in its order.

    Raises `GhostError` for a case without the output of a stage.
    """
    arrays, _ = read_safetensors(path)
    features = _features(file)
    cases = [key.removesuffix(f".{INPUT}") for key in arrays if key.endswith(f".{INPUT}")]
    if not cases:
        x = _input(path, arrays, file)
        outputs = {key: array for key, array in arrays.items() if key not in (INPUT, IMAGES, X)}
        return [_recorded(path, path.stem, x, outputs, features, names)]
    return [
        _recorded(path, case, _float32(own.pop(INPUT)), own, features, names)
        for case in cases
        for own in [_of_case(arrays, case)]
    ]


def _recorded(
    path: Path, label: str, x: np.ndarray, outputs: Tensors, features: Mapping[str, str],
    names: tuple[str, ...],
) -> Recorded:  # fmt: skip
    keys = {}
    for key in outputs:
        name = key.removesuffix(MEANS)
        keys[features.get(name, name)] = key
    stages = [name for name in names if name in keys]
    if not stages:
        raise GhostError(
            f"{path} must record outputs of at least one stage ({', '.join(names)}) for the input "
            f"{printable(label)}, got {shorten(', '.join(outputs)) or 'none'}"
        )
    return Recorded(
        printable(label),
        x,
        {name: outputs[keys[name]].astype(np.float64) for name in stages},
        frozenset(name for name in stages if keys[name].endswith(MEANS)),
        tuple(key for name, key in keys.items() if name not in names),
    )


def _input(path: Path, arrays: Tensors, file: WeightFile) -> np.ndarray:
    for name in (INPUT, X):
        if name in arrays:
            return _float32(arrays[name])
    if IMAGES not in arrays:
        got = shorten(", ".join(arrays)) or "nothing"
        raise GhostError(f"{path} must hold `{X}` (N, C, H, W) or `{IMAGES}`, got {got}")
    settings = file.metadata.get("preprocess")
    if settings is None:
        raise GhostError(
            f"{path} holds `{IMAGES}`, but the weight file does not say how they are preprocessed: "
            f"import it again, or give `{X}` (N, C, H, W)"
        )
    return preprocess(arrays[IMAGES], settings)


def _features(file: WeightFile) -> Mapping[str, str]:
    """The names of the stages that a network calls its feature maps, by `stage0`, `stage1`, ..."""
    module: Any = weights_io.ARCHITECTURES[file.architecture](**file.config)
    if not hasattr(module, "features") or not callable(module.features):
        return {}
    features = module.features(smallest_input(configure(file.architecture, file.config)))
    return {f"stage{number}": name for number, name in enumerate(features)}


def _of_case(arrays: Tensors, case: str) -> Tensors:
    prefix = f"{case}."
    return {k.removeprefix(prefix): array for k, array in arrays.items() if k.startswith(prefix)}


def _float32(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, np.float32)
