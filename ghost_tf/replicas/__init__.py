"""Training on several devices, by what Keras' backend has for it."""

from importlib import import_module

import keras

from weights.columns.replicas import Engine

# The function of that name in a file of its own: the others' frameworks may not be there.
ENGINES = {"tensorflow": "mirrored", "jax": "data_parallel"}


def engine() -> Engine | None:
    """The engine of Keras' backend, None where that has none."""
    name = ENGINES.get(keras.backend.backend())
    return getattr(import_module(f"{__name__}.{name}"), name) if name else None
