"""StableHLO, by `jax.export`: one program for every platform that JAX has."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ghost_jax.exporting.interface import interface
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtimes.stablehlo import PROGRAM
from weights.files.storage import write_safetensors
from weights.frameworks import needed

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def write_stablehlo(module: Any, path: Path, notes: Notes) -> None:
    """Write a safetensors file of one tensor, the program's bytes, with the notes in its header."""
    call = jax.jit(interface(module, notes))
    # It stands in the program: by themselves a TPU and a GPU round float32 to fewer bits.
    with jax.default_matmul_precision("highest"):
        exported = export.export(call, platforms=PLATFORMS)(_input(notes))
    with needed("StableHLO", "jax"):
        program = np.frombuffer(exported.serialize(), np.uint8)
    write_safetensors(path, {PROGRAM: program}, {ENTRY: notes.to_json()})


def _input(notes: Notes) -> jax.ShapeDtypeStruct:
    least = notes.plan.minimum_size
    names = ["batch"] if notes.batch is None else []
    names += ["height", "width"] if notes.size is None else []
    at_least = [f"{name} >= {least}" for name in names if name != "batch"]
    symbols = iter(export.symbolic_shape(",".join(names), constraints=at_least))
    batch = notes.batch or next(symbols)
    sizes = notes.size or tuple(symbols)
    channels = notes.plan.input_channels
    shape = (channels, *sizes) if notes.layout == "nchw" else (*sizes, channels)
    return jax.ShapeDtypeStruct((batch, *shape), jnp.float32)
