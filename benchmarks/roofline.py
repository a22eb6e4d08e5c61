"""Bandwidth and multiply-accumulates of the machine, and the least time of a layer by them."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from benchmarks.measure import Row
from benchmarks.shapes import Shape, layer_shapes
from weights import configure

FLOAT = 4
TIMES = 9


def machine() -> tuple[float, float]:
    """Bytes a second that a copy moves, and multiply-accumulates a second of a matrix product."""
    source = np.ones(1 << 25, np.float32)
    target = np.empty_like(source)
    a, b = np.ones((1024, 1024), np.float32), np.ones((1024, 1024), np.float32)
    copies, products = [], []
    for _ in range(TIMES):
        started = perf_counter()
        np.copyto(target, source)
        copies.append(perf_counter() - started)
        started = perf_counter()
        np.matmul(a, b)
        products.append(perf_counter() - started)
    return 2 * source.nbytes / float(np.median(copies)), 1024**3 / float(np.median(products))


def least(shape: Shape, architecture: str, bandwidth: float, speed: float) -> float:
    """Milliseconds below which no implementation of the layer in deployed form can be.

    The larger of moving input, weights and output once, and of all multiply-accumulates.
    """
    ratio = shape.ratio if architecture == "ours" else 1
    config = configure("ghost_conv", shape.arguments | {"ratio": ratio, "form": "folded"})
    macs = shape.batch * config.macs(shape.size, shape.size)
    elements = shape.batch * shape.c_in * shape.size**2
    elements += shape.batch * shape.c_out * shape.output_size**2
    elements += sum(int(np.prod(spec.shape)) for spec in config.tensors())
    return 1e3 * max(elements * FLOAT / bandwidth, macs / speed)


def rows(*, quick: bool) -> list[Row]:
    """The least time of every shape."""
    bandwidth, speed = machine()
    return [
        Row("machine", "layer", str(shape), "forward", f"{name} roofline",
            round(least(shape, name, bandwidth, speed), 4), 0.0)
        for shape in layer_shapes(quick=quick)
        for name in ("plain", "ours")
    ]  # fmt: skip
