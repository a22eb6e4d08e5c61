"""Arrays of a training step: into the order of axes of Keras, and by canonical name out of it."""

from typing import Any

import numpy as np

from ghost_tf.weights_io import FRAMEWORK


def named(module: Any, grads: list[Any]) -> dict[str, np.ndarray]:
    """The gradients of the trainable variables by canonical name."""
    by_variable = dict(zip(map(id, module.trainable_variables), grads, strict=True))
    specs = [spec for spec in FRAMEWORK.specs_of(module) if spec.trainable]
    variables = FRAMEWORK.variables_of(module, specs)
    found = {name: by_variable[id(variable)] for name, variable in variables.items()}
    return {spec.name: FRAMEWORK.to_canonical(found[spec.name], spec) for spec in specs}


def channels_last(x: np.ndarray) -> np.ndarray:
    """Shapes: x: (N, C, H, W) to (N, H, W, C); (N, C) stays."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def channels_first(x: np.ndarray) -> np.ndarray:
    """The inverse of `channels_last`."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
