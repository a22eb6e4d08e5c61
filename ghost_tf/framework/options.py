"""The keywords of Keras' own layers: names, types, and how variables are made and constrained."""

from typing import Any, TypedDict

import keras
from keras import constraints, initializers, regularizers

from weights import ArgumentError

KINDS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
KEYWORDS = {
    f"{variable}_{kind}": module
    for variable in ("kernel", "bias")
    for kind, module in KINDS.items()
}


class KerasOptions(TypedDict, total=False):
    """Keywords that every layer and network takes beside its own, as Keras' own layers do.

    `name` is the layer's, made of its class by default. `dtype` is a type or a policy, such as
    "float32" or "mixed_bfloat16"; the default is Keras' global policy. `trainable` False freezes
    the layer. With `autocast` inputs are cast to the type of the computation. The initialisers,
    regularisers and constraints, objects of Keras or their names, are for all convolutions and
    linear layers inside; the defaults are PyTorch's distribution, no penalty and no constraint.
    `synchronized` batch normalisations use the statistics of all replicas of a strategy of
    `tf.distribute`, with TensorFlow as the backend, as Keras' own do.
    """

    name: str | None
    dtype: str | keras.DTypePolicy | None
    trainable: bool
    autocast: bool
    synchronized: bool
    kernel_initializer: str | initializers.Initializer | None
    bias_initializer: str | initializers.Initializer | None
    kernel_regularizer: str | regularizers.Regularizer | None
    bias_regularizer: str | regularizers.Regularizer | None
    kernel_constraint: str | constraints.Constraint | None
    bias_constraint: str | constraints.Constraint | None


class LayerOptions(KerasOptions):
    """Keywords of the layers inside: the order of the axes is decided."""

    data_format: str


class VariableOptions:
    """A layer that takes initialisers, regularisers and constraints for itself or those inside.

    Comes before the Keras class.
    """

    data_format: str

    def __init__(self, **options: Any) -> None:
        chosen = {name: _got(name, options.pop(name, None)) for name in KEYWORDS}
        super().__init__(**options)
        for name, choice in chosen.items():
            setattr(self, name, choice)

    @property
    def variable_options(self) -> dict[str, Any]:
        """Those that are not the default, by keyword."""
        made = {name: getattr(self, name) for name in KEYWORDS}
        return {name: choice for name, choice in made.items() if choice is not None}

    def options_inside(self) -> dict[str, Any]:
        """The keywords of Keras' own for the layers inside."""
        own = {"data_format": self.data_format, "dtype": self.dtype_policy}  # type: ignore[attr-defined]
        return {**own, **self.variable_options}

    def get_config(self) -> dict[str, Any]:
        """The configuration that Keras saves, with these keywords."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        made = self.variable_options.items()
        saved = {name: KEYWORDS[name].serialize(choice) for name, choice in made}
        return {**config, "data_format": self.data_format, **saved}


def drawn_apart(initializer: Any) -> Any:
    """The same initialiser for another variable: one object always draws the same numbers."""
    is_one = isinstance(initializer, initializers.Initializer)
    return initializer.clone() if is_one else initializer


def _got(name: str, choice: Any) -> Any:
    try:
        return KEYWORDS[name].get(choice)
    except (ValueError, TypeError):
        kind = name.partition("_")[2]
        raise ArgumentError(f"`{name}` must be one of Keras' {kind}s, got {choice!r}") from None
