"""Functions of modules under jit, of which the traces outlive the process."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import jax
from flax import nnx
from jax import export

from ghost_jax.framework.planned import Planned

# The environment variable with which the path of every trace begins; it names the code, too.
PLACE = "GHOSTCONV_TRACES"
# What a trace depends on beside the code, the function, the plan, and the shapes and types.
SETTINGS = ("jax_default_matmul_precision", "jax_enable_x64", "jax_numpy_dtype_promotion")


def jitted(function: Callable[..., Any], module: Planned, *inputs: jax.Array) -> Any:
    """The result of `function(module, *inputs)`, a tree of arrays, under jit.

    What the function changes in the module is changed, as under `nnx.jit`. `module` is as it was
    built from its plan. Where the environment names a place, a process reads what an earlier one
    has traced: that of a network takes a second.
    """
    graph, state = nnx.split(module)
    leaves, tree = jax.tree.flatten(state)
    abstract = (*map(_abstract, leaves),), (*map(_abstract, inputs),)
    program = _program(function, graph, tree, repr(module.plan), *abstract)
    result, changed = program(leaves, *inputs)
    if changed:
        for index, value in changed.items():
            leaves[int(index)] = value
        nnx.update(module, jax.tree.unflatten(tree, leaves))
    return result


@lru_cache(maxsize=64)
def _program(
    function: Callable[..., Any], graph: Any, tree: Any, plan: str, leaves: Any, inputs: Any
) -> Callable[..., Any]:
    """The pure function: of leaves and inputs, to the result and the leaves that it changed."""

    @jax.jit
    def pure(leaves: list[jax.Array], *inputs: jax.Array) -> Any:
        module = nnx.merge(graph, jax.tree.unflatten(tree, leaves))
        result = function(module, *inputs)
        now = jax.tree.leaves(nnx.split(module)[1])
        pairs = enumerate(zip(leaves, now, strict=True))
        return result, {str(index): new for index, (old, new) in pairs if new is not old}

    place = os.environ.get(PLACE)
    if not place:
        return pure
    settings = [getattr(jax.config, name) for name in SETTINGS]
    of = [function.__name__, plan, str(leaves), str(inputs), jax.default_backend(), settings]
    path = Path(f"{place}-{sha256(json.dumps(of).encode()).hexdigest()}")
    with suppress(Exception):  # it is not there, or damaged
        return jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
    traced = export.export(pure)(list(leaves), *inputs)
    with suppress(OSError):
        _write(path, traced.serialize())
    return jax.jit(traced.call)


def _abstract(array: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _write(path: Path, data: bytes | bytearray) -> None:
    """Write a whole file or none."""
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)
