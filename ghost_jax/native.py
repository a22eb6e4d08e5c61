"""Where Flax's own state, as Orbax and msgpack files hold it, has the tensors of a module."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import nnx

import weights
from ghost_jax.weights_io import FRAMEWORK

# Between the parts of a path.
SEPARATOR = "/"


def module_paths(architecture: str, config: Mapping[str, Any]) -> dict[str, str]:
    """The path of every tensor's variable in the state of the module, by canonical name."""
    specs = list(weights.configure(architecture, config).tensors())
    module = FRAMEWORK.build(
        architecture, config, {s.name: np.zeros(s.shape, np.float32) for s in specs}
    )
    paths = {id(node): SEPARATOR.join(map(str, path)) for path, node in nnx.iter_graph(module)}
    variables = FRAMEWORK.variables_of(module, specs)
    return {name: paths[id(variable)] for name, variable in variables.items()}
