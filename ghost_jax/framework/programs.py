"""Functions of modules under jit, of which the compiled programs outlive the process."""

import json
import os
import pickle
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import jax
from flax import nnx
from jax.experimental import serialize_executable
from jax.stages import Compiled

from ghost_jax.framework.planned import Planned

# The environment variable with which the path of every program begins; it names the code, the
# versions and the processor.
PLACE = "GHOSTCONV_PROGRAMS"
# With this in the environment machine code is optimised of the inference of a GhostConv alone.
QUICK = "GHOSTCONV_QUICK"
# Compiler options with which a network takes a quarter of the time, a training step a tenth: XLA's
# program is the same, the machine code that is made of it is not optimised.
UNOPTIMISED = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
# What a program depends on beside these, the function, the plan, and the shapes and types.
SETTINGS = ("jax_default_matmul_precision", "jax_enable_x64", "jax_numpy_dtype_promotion")
# JAX has a cache of its own where it may, and where it has been told the folder.
CACHE = ("jax_enable_compilation_cache", "jax_compilation_cache_dir")


def jitted(
    function: Callable[..., Any], module: Planned, *inputs: jax.Array, quick: bool = False
) -> Any:
    """The result of `function(module, *inputs)`, a tree of arrays, under jit.

    What the function changes in the module is changed, as under `nnx.jit`. `module` is as it was
    built from its plan. Where the environment names a place, and JAX uses no cache of its own, a
    process reads what an earlier one has compiled, and neither traces nor lowers it to find it. On
    a CPU `quick` leaves the machine code unoptimised.
    """
    graph, state = nnx.split(module)
    leaves, tree = jax.tree.flatten(state)
    abstract = (*map(_abstract, leaves),), (*map(_abstract, inputs),)
    program = _program(function, graph, tree, repr(module.plan), *abstract, quick)
    result, changed = program(leaves, *inputs)
    if changed:
        for index, value in changed.items():
            leaves[int(index)] = value
        nnx.update(module, jax.tree.unflatten(tree, leaves))
    return result


@lru_cache(maxsize=64)
def _program(
    function: Callable[..., Any], graph: Any, tree: Any, plan: str, leaves: Any, inputs: Any,
    quick: bool,
) -> Compiled:  # fmt: skip
    """The compiled function: of leaves and inputs, to the result and the leaves that it changed."""

    @jax.jit
    def pure(leaves: list[jax.Array], *inputs: jax.Array) -> Any:
        module = nnx.merge(graph, jax.tree.unflatten(tree, leaves))
        result = function(module, *inputs)
        now = jax.tree.leaves(nnx.split(module)[1])
        pairs = enumerate(zip(leaves, now, strict=True))
        return result, {str(index): new for index, (old, new) in pairs if new is not old}

    compiled = partial(_compiled, pure, (list(leaves), *inputs), quick)
    if PLACE not in os.environ or _has_cache():
        return compiled()
    settings = [getattr(jax.config, name) for name in SETTINGS]
    settings += [jax.default_backend(), os.environ.get("XLA_FLAGS"), quick]
    of = [function.__name__, plan, str(leaves), str(inputs), settings]
    name = sha256(json.dumps(of).encode()).hexdigest()
    return _kept(Path(f"{os.environ[PLACE]}-{name}"), compiled)


def _has_cache() -> bool:
    """Whether JAX reads programs by itself: written once more, those would lack their functions."""
    return all(getattr(jax.config, name) for name in CACHE)


def _kept(path: Path, compiled: Callable[[], Compiled]) -> Compiled:
    """The program of an earlier process, or a new one for the next."""
    with suppress(Exception):  # it is not there, or damaged
        kept = pickle.loads(zlib.decompress(path.read_bytes()))
        return serialize_executable.deserialize_and_load(*kept)
    program = compiled()
    with suppress(OSError):
        _write(path, zlib.compress(pickle.dumps(serialize_executable.serialize(program)), level=1))
    return program


def _compiled(pure: Any, inputs: Any, quick: bool) -> Compiled:
    lowered = pure.lower(*inputs)
    if quick and jax.default_backend() == "cpu":
        with suppress(jax.errors.JaxRuntimeError):  # another version has other options
            return lowered.compile(UNOPTIMISED)
    return lowered.compile()


def _abstract(array: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or none."""
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)
