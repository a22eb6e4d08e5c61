"""The files of `tests/fixtures`, by which later versions prove that they still read earlier ones.

`python -m tests.trust.corpus FOLDER` writes those of a version anew, by the name of the folder; a
released folder is never written again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from weights import configure, write_file
from weights.columns import fold
from weights.files.settings import imagenet

Tensors = dict[str, np.ndarray]
# Name, architecture, configuration, dtype.
FILES: tuple[tuple[str, str, dict[str, Any], Any], ...] = (
    ("ghost_conv", "ghost_conv", {"c_in": 3, "c_out": 5, "kernel_size": [3, 5]}, np.float32),
    ("ghost_conv-bf16", "ghost_conv", {"c_in": 2, "c_out": 6, "ratio": 3}, ml_dtypes.bfloat16),
    ("ghost_conv-f64", "ghost_conv", {"c_in": 2, "c_out": 4, "split": "ceil"}, np.float64),
    ("squeeze_excite", "squeeze_excite", {"channels": 8}, np.float16),
    ("ghost_conv_v2", "ghost_conv_v2", {"c_in": 2, "c_out": 4}, np.float32),
    ("ghost_conv_v3", "ghost_conv_v3", {"c_in": 2, "c_out": 4}, np.float32),
    ("ghost_bottleneck", "ghost_bottleneck", {"c_in": 2, "c_mid": 4, "c_out": 3, "stride": 2},
     np.float32),
    ("c3_ghost", "c3_ghost", {"c1": 4, "c2": 8}, np.float32),
)  # fmt: skip
FOLDED = "ghost_conv-folded"
# What a file of 1.1 says besides its tensors.
DESCRIBED = "ghost_conv-described"
ABOUT: dict[str, Any] = {
    "source": {"importer": "seed", "dropped": {}, "assumed": {"stride": 1}},
    "preprocess": imagenet(8),
    "classes": ["cat", "naïve", "\u202e"],
}


def numbers(architecture: str, config: dict[str, Any], dtype: Any) -> Tensors:
    """Tensors of small fractions, exact in every type and none like its neighbour."""
    found = {}
    for index, spec in enumerate(configure(architecture, config).tensors()):
        count = int(np.prod(spec.shape))
        values = (np.arange(count) * 7 + index) % 127 / 64 + 1 / 64
        found[spec.name] = values.reshape(spec.shape).astype(dtype)
    return found


def contents() -> dict[str, tuple[str, dict[str, Any], Tensors]]:
    """Architecture, configuration and tensors of every file."""
    found = {
        name: (architecture, config, numbers(architecture, config, dtype))
        for name, architecture, config, dtype in FILES
    }
    architecture, config, tensors = found["ghost_conv"]
    found[DESCRIBED] = found["ghost_conv"]
    return found | {FOLDED: (architecture, *fold.deployed(architecture, config, tensors))}


def about(name: str) -> dict[str, Any]:
    """The annotations of a file."""
    return ABOUT if name == DESCRIBED else {}


def version(name: str) -> str:
    """The folder of a file: the oldest version of the format that has what it needs."""
    return "format-1.1" if about(name) else "format-1.0"


def main(folder: Path) -> None:
    """Write every file of the version that the folder is named after."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents().items():
        if version(name) == folder.name:
            write_file(folder / f"{name}.safetensors", *content, **about(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
