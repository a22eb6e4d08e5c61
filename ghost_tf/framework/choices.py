"""How variables are drawn, penalised and constrained, by the keywords of Keras' own layers."""

from __future__ import annotations

from typing import Any

from keras import constraints, initializers, regularizers

from weights import ArgumentError

KINDS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
CHOICES = {
    f"{variable}_{kind}": module
    for variable in ("kernel", "bias")
    for kind, module in KINDS.items()
}


class Chosen:
    """A layer that takes them for itself or those inside; comes before the Keras class.

    None is PyTorch's distribution, no penalty, no constraint.
    """

    data_format: str

    def __init__(self, **options: Any) -> None:
        chosen = {name: _got(name, options.pop(name, None)) for name in CHOICES}
        super().__init__(**options)
        for name, choice in chosen.items():
            setattr(self, name, choice)

    @property
    def choices(self) -> dict[str, Any]:
        """Those that were made, by keyword."""
        made = {name: getattr(self, name) for name in CHOICES}
        return {name: choice for name, choice in made.items() if choice is not None}

    def options_inside(self) -> dict[str, Any]:
        """The keywords of Keras' own for the layers inside."""
        own = {"data_format": self.data_format, "dtype": self.dtype_policy}  # type: ignore[attr-defined]
        return {**own, **self.choices}

    def get_config(self) -> dict[str, Any]:
        """What Keras saves, and the choices made."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        made = {name: CHOICES[name].serialize(choice) for name, choice in self.choices.items()}
        return {**config, "data_format": self.data_format, **made}


def drawn_apart(initializer: Any) -> Any:
    """The same initialiser for another variable: one object always draws the same numbers."""
    is_one = isinstance(initializer, initializers.Initializer)
    return initializer.clone() if is_one else initializer


def _got(name: str, choice: Any) -> Any:
    try:
        return CHOICES[name].get(choice)
    except (ValueError, TypeError):
        kind = name.partition("_")[2]
        raise ArgumentError(f"`{name}` must be one of Keras' {kind}s, got {choice!r}") from None
