"""Keras' own weight files of this project's layers and networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ghost_tf.weights_io import FRAMEWORK


def save(
    architecture: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], path: Path
) -> None:
    """Write `.weights.h5`; a layer that is no model is the only one of a `keras.Sequential`."""
    module = FRAMEWORK.build(architecture, config, tensors)
    if not isinstance(module, keras.Model):
        module = keras.Sequential([keras.Input(module.takes[1:]), module])
    module.save_weights(path)
