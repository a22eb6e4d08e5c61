"""Layers made after a first one of the same arguments, and layers without values.

A constructor of Flax takes milliseconds, in which it looks at every attribute, and a network has
hundreds of layers with a few dozen kinds of arguments.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from flax import nnx

Initializers = Mapping[str, nnx.Initializer]

ZERO = np.float32(0)


class AbstractRngs:
    """Stands for `nnx.Rngs` where a module is built without values."""

    def params(self) -> None:
        """No key, since no number is drawn."""


def from_prototype(
    kind: Callable[..., Any], inits: Initializers, *arguments: Any, rngs: Any, **options: Any
) -> Any:
    """What `kind` makes of the arguments and of `kernel_init`, say, for each variable in `inits`.

    Parameters take keys of `rngs` in the order of `inits`, which is that of the constructor; of
    `AbstractRngs` all variables get shapes and types alone.
    """
    probe = nnx.Param(ZERO)  # as Flax's settings of now make it
    metadata = probe.get_metadata()
    is_abstract = isinstance(rngs, AbstractRngs)
    if not is_abstract and (type(probe) is not nnx.Param or metadata.get("ref")):
        return kind(*arguments, rngs=rngs, **_named(inits), **options)
    settings = tuple(metadata.items())
    graph, without = prototype(kind, tuple(inits), arguments, settings, **options)
    if is_abstract:
        return nnx.merge(graph, without, copy=True)
    variables = {
        name: without[name].copy(_first_value(init, without[name], rngs))
        for name, init in inits.items()
        if name in without
    }
    return nnx.merge(graph, nnx.State(variables))


@lru_cache(maxsize=1024, typed=True)
def prototype(
    kind: Callable[..., Any], names: tuple[str, ...], arguments: Any, settings: Any, **options: Any
) -> tuple[Any, Any]:
    """A layer but for its variables, and these without values.

    They keep the settings of Flax under which they are made, by which they are found too.
    """
    inits = _named(dict.fromkeys(names, nnx.initializers.zeros))
    made = nnx.eval_shape(lambda: kind(*arguments, rngs=AbstractRngs(), **inits, **options))
    return nnx.split(made)


def _named(inits: Initializers) -> dict[str, nnx.Initializer]:
    return {f"{name}_init": init for name, init in inits.items()}


def _first_value(init: Any, variable: nnx.Variable[Any], rngs: Any) -> Any:
    key = rngs.params() if isinstance(variable, nnx.Param) else None
    return init(key, variable.shape, variable.dtype)
