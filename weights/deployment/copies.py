"""Copies of modules in another type, for what is written and for what judges it."""

from typing import Any

import numpy as np

from weights.columns.column import Column
from weights.layout import cast_floating


def copy_in(framework: Column[Any, Any, Any], module: Any, dtype: str) -> Any:
    """A copy of a module for inference with parameters and arithmetic of that type."""
    content = framework.described(module)
    kind = np.dtype(dtype)
    tensors = {name: cast_floating(array, kind) for name, array in content.tensors.items()}
    made = framework.build(content.architecture, content.config, tensors)
    framework.prepare_inference(made)
    return made
