"""A model that runs on an example, and what its framework measures of the convolutions in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from weights.errors import ArgumentError
from weights.text import printable

# Given a convolution's path and input: what stands for its output, or `None` for its own.
Instead = Callable[[str, Any], Any]
# Characters of what a framework says of an example: Keras names the rule after a heading.
MOST_REASON = 400


class Measuring(Protocol):
    """The module `replacing.measuring` of a framework's package."""

    def inputs(
        self,
        model: Any,
        convolutions: Mapping[str, Any],
        example: Any,
        instead: Instead | None = None,
        /,
    ) -> dict[str, list[Any]]:
        """What each convolution is given, by its path, when the model runs on the example."""

    def timed(self, module: Any, inputs: Sequence[Any], /) -> Callable[[], Sequence[Any]]:
        """A call of a convolution or GhostConv in inference on these inputs."""

    def outputs(self, conv: Any, x: Any, /) -> np.ndarray:
        """The convolution's output without its activation: (N, C, H, W), in float64."""

    def following(self, modules: Mapping[str, Any], path: str, /) -> str | None:
        """The path of the one module that reads the convolution's output, as far as is known."""

    def activated(self, name: str, x: np.ndarray, /) -> np.ndarray:
        """The activation of that name, of an array in float64."""

    def variables(self, conv: Any, /) -> tuple[Any, Any]:
        """Kernel and bias; `None` where there is no bias."""


@dataclass(frozen=True)
class Example:
    """A model, of which the convolutions are watched while it runs on `example`."""

    measuring: Measuring
    model: Any
    convolutions: Mapping[str, Any]
    example: Any

    def inputs(self, instead: Instead | None = None) -> dict[str, list[Any]]:
        """What each convolution is given, by its path.

        Raises `ArgumentError` where the model does not run.
        """
        arguments = self.example if isinstance(self.example, tuple) else (self.example,)
        try:
            return self.measuring.inputs(self.model, self.convolutions, arguments, instead)
        except Exception as error:
            raise ArgumentError(
                "`example` must be what the model can be called with, got "
                f"{type(self.example).__name__}, with which it raised {type(error).__name__}: "
                f"{printable(str(error))[:MOST_REASON]}"
            ) from error
