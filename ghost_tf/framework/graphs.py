"""Models of which Keras knows how their layers are connected."""

from typing import Any


def is_graph(layer: Any) -> bool:
    """Whether Keras can build the model again with other layers, losing nothing."""
    is_of_keras = type(layer).__module__.partition(".")[0] == "keras"
    return is_of_keras and type(layer).__name__ in ("Functional", "Sequential")
