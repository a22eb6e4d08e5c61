"""The export of modules: what writes each format, and what an artefact is held against."""

from types import MappingProxyType
from typing import Any

import jax
import numpy as np
from flax import nnx

from ghost_jax.exporting.interface import FIRST, LAST
from ghost_jax.exporting.onnx import write_onnx
from ghost_jax.exporting.stablehlo import write_stablehlo
from ghost_jax.weights_io import FRAMEWORK
from weights.deployment.copies import copy_in
from weights.deployment.export import Exporter
from weights.deployment.proof import Network

WRITERS = {"onnx": write_onnx, "stablehlo": write_stablehlo}


class JaxExporter(Exporter):
    """How Flax' modules become artefacts."""

    framework = FRAMEWORK
    writers = WRITERS
    layout = "nhwc"
    # jax2onnx has no name for the size that an attention map is resized to.
    fixed = MappingProxyType({"onnx": ("ghost_conv_v2", "ghostnetv2", "ghostnetv3")})

    def network(self, module: Any, dtype: str) -> Network:
        """A copy of a module for inference with parameters and arithmetic of that type."""
        # Without it JAX replaces float64 by float32 without a word.
        is_double = dtype == "float64"
        with jax.enable_x64(is_double):
            made = copy_in(self.framework, module, dtype)
        # Every size is compiled anew, most of the time of a proof: twice as fast in this form.
        made.set_attributes(native_convolutions=True, raise_if_not_found=False)
        graph, state = nnx.split(made)
        call = jax.jit(
            lambda state, x: nnx.merge(graph, state, copy=True)(x),
            compiler_options={"xla_backend_optimization_level": 0},
        )

        def run(x: np.ndarray) -> np.ndarray:
            with jax.enable_x64(is_double):
                out = np.asarray(call(state, x.transpose(LAST).astype(dtype))).astype(np.float64)
            return out.transpose(FIRST) if out.ndim == 4 else out

        return run


EXPORTER = JaxExporter("jax")
