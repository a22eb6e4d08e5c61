"""Every layer, network and form, exported once for all batches, heights and widths.

`python -m tests.ghost_jax.symbolic_exports` prints a table of what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import export

import ghost_jax
from tests.columns import normal, tensors_of

PLATFORMS = ("cpu", "cuda", "tpu")
SMALL = {"width": 0.1, "num_classes": 3}
V3 = {"c_in": 3, "c_out": 6, "kernel_size": 3, "stride": 2, "attention": True}
BLOCK = {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2, "se_ratio": 0.25, "kernel_size": 5}
LAYER_SIZES = ((2, 8, 8), (1, 9, 10), (3, 13, 8))
NETWORK_SIZES = ((2, 64, 64), (1, 65, 71))


@dataclass(frozen=True)
class Export:
    """One module, and the input sizes (N, H, W) at which its export is held against it."""

    architecture: str
    config: dict[str, Any]
    sizes: tuple[tuple[int, int, int], ...] = LAYER_SIZES

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value}" for name, value in self.config.items())
        return f"{self.architecture}({named})"

    def module(self) -> Any:
        """The module with random tensors, in evaluation."""
        drawn = tensors_of(self.architecture, **self.config)
        tensors = {name: t / np.sqrt(t[0].size, dtype=t.dtype) for name, t in drawn.items()}
        module = ghost_jax.weights_io.build(self.architecture, self.config, tensors)
        module.eval()
        return module

    def inputs(self, module: Any) -> list[jax.Array]:
        """Random inputs of every size."""
        channels = module.plan.input_channels
        return [jnp.asarray(normal(*sizes, channels)) for sizes in self.sizes]


LAYERS = (
    Export("ghost_conv", {"c_in": 3, "c_out": 5}),
    Export("ghost_conv", {"c_in": 3, "c_out": 5, "stride": 2}),
    Export("ghost_conv", {"c_in": 3, "c_out": 5, "kernel_size": 3, "stride": 2, "padding": 1}),
    Export("ghost_conv", {"c_in": 4, "c_out": 9, "kernel_size": 2, "stride": [3, 2], "ratio": 4}),
    Export("ghost_conv", {"c_in": 4, "c_out": 8, "kernel_size": 3, "dilation": 2, "groups": 2}),
    Export("ghost_conv", {"c_in": 3, "c_out": 5, "stride": 2, "form": "folded"}),
    Export("ghost_conv_v2", {"c_in": 3, "c_out": 6, "kernel_size": 3, "padding": 1, "stride": 2}),
    Export("ghost_conv_v2", {"c_in": 3, "c_out": 6, "form": "folded"}),
    *(Export("ghost_conv_v3", {**V3, "form": f}) for f in ("training", "deployed", "folded")),
    Export("squeeze_excite", {"channels": 8}),
    Export("ghost_bottleneck", BLOCK),
    Export("ghost_bottleneck", {**BLOCK, "attention": True}),
    Export("ghost_bottleneck", {**BLOCK, "attention": True, "branches": 2}),
    Export("ghost_bottleneck", {**BLOCK, "shortcut_kernel_size": 3, "form": "folded"}),
    Export("c3_ghost", {"c1": 8, "c2": 8}),
    Export("c3_ghost", {"c1": 8, "c2": 8, "form": "folded"}),
)
NETWORKS = (
    *(Export("ghost_resnet20", {"form": f}, NETWORK_SIZES) for f in ("training", "folded")),
    Export("ghost_resnet56", {"form": "folded"}, NETWORK_SIZES),
    *(Export("ghost_vgg16", {"form": f}, NETWORK_SIZES) for f in ("training", "folded")),
    *(Export("ghostnet", {**SMALL, "form": f}, NETWORK_SIZES) for f in ("training", "folded")),
    *(Export("ghostnetv2", {**SMALL, "form": f}, NETWORK_SIZES) for f in ("training", "folded")),
    *(
        Export("ghostnetv3", {**SMALL, "form": f}, NETWORK_SIZES)
        for f in ("training", "deployed", "folded")
    ),
)
Run = Callable[[jax.Array], Any]


def through_jax_export(module: Any, least: tuple[int, int]) -> Run:
    """The module by way of StableHLO bytes for all platforms."""
    sizes = [f"{name} >= {size}" for name, size in zip("hw", least, strict=True)]
    symbols = export.symbolic_shape("b, h, w", constraints=sizes)
    x = jax.ShapeDtypeStruct((*symbols, module.plan.input_channels), jnp.float32)
    data = export.export(jax.jit(_function(module)), platforms=PLATFORMS)(x).serialize()
    call = export.deserialize(data).call
    return lambda x: jax.jit(call, compiler_options={"xla_backend_optimization_level": 0})(x)


def through_tensorflow(module: Any, least: tuple[int, int]) -> Run:
    """The module as a TensorFlow function of unknown batch, height and width."""
    import tensorflow as tf
    from jax.experimental import jax2tf

    channels = module.plan.input_channels
    function = jax2tf.convert(
        _function(module),
        polymorphic_shapes=[f"(b, h, w, {channels})"],
        polymorphic_constraints=[f"h >= {least[0]}", f"w >= {least[1]}"],
    )
    x = tf.TensorSpec((None, None, None, channels), tf.float32)
    concrete = tf.function(function, autograph=False).get_concrete_function(x)
    return lambda x: concrete(tf.constant(np.asarray(x))).numpy()


WAYS = (through_jax_export, through_tensorflow)


def largest_error(case: Export, way: Callable[[Any, tuple[int, int]], Run]) -> float:
    """How far the exported function is from the module, by the largest output, at every size."""
    module = case.module()
    least = min(h for _, h, _ in case.sizes), min(w for _, _, w in case.sizes)
    exported = way(module, least)
    function = jax.jit(_function(module), compiler_options={"xla_backend_optimization_level": 0})
    errors = []
    for x in case.inputs(module):
        wanted = function(x)
        difference = jnp.abs(jnp.asarray(exported(x)) - wanted).max()
        errors.append(float(difference / jnp.abs(wanted).max()))
    return max(errors)


def _function(module: Any) -> Callable[[jax.Array], jax.Array]:
    graph, state = nnx.split(module)
    return lambda x: nnx.merge(graph, state, copy=True)(x)


def main() -> None:
    """Print a line for each module and way: its error, or what went wrong, and the time."""
    for case in (*LAYERS, *NETWORKS):
        for way in WAYS:
            start = time.perf_counter()
            try:
                result = f"{largest_error(case, way):.1e}"
            except Exception as error:
                result = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            print(f"{case}  {way.__name__}  {result}  {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
