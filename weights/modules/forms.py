"""The forms of a module: as it is trained, or with layers merged for inference."""

from typing import Final, Literal

from weights.errors import ArgumentError

# As it is trained; with branches merged, as timm's reparameterised networks; without any batch
# normalisation.
Form = Literal["training", "deployed", "folded"]
# The forms of a module that has no branches.
PlainForm = Literal["training", "folded"]
TRAINING: Final = "training"
DEPLOYED: Final = "deployed"
FOLDED: Final = "folded"


def check_form(form: str, *, training: bool) -> None:
    """Raise `ArgumentError` for training in a form that cannot."""
    if training and form != TRAINING:
        raise ArgumentError(
            f"a module in form '{form}' cannot train, its batch normalisations are merged into its "
            "convolutions: switch to evaluation, or train in form 'training' and call deploy() "
            "afterwards"
        )
