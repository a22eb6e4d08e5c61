"""DFC attention in a graph: a gate of three convolutions on the halved input, enlarged again."""

from collections.abc import Mapping

import numpy as np

from weights.importers.graphs.forms import form_of
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.units import Unit

KERNELS = ((1, 5), (5, 1))
RESIZED = {
    "mode": b"nearest",
    "coordinate_transformation_mode": b"asymmetric",
    "nearest_mode": b"floor",
}


def attention(
    graph: Graph, units: Mapping[str, Unit], primary: Unit, value: str, channels: int
) -> tuple[str, tuple[Unit, ...]]:
    """Return what a ghost module times its attention makes, and the three convolutions of that.

    The value itself, and none, where no attention follows.
    """
    product = graph.only_reader(value, "Mul")
    if product is None:
        return value, ()
    gate = product.inputs[1] if product.inputs[0] == value else product.inputs[0]
    sigmoid = graph.maker(_before_enlarging(graph, gate), "Sigmoid")
    found: list[Unit] = []
    source = sigmoid.inputs[0] if sigmoid else ""
    while source in units and len(found) < 3:
        found.insert(0, units[source])
        source = found[0].source
    pool = graph.maker(source, "AveragePool")
    is_halved = pool is not None and pool.inputs[0] == primary.source and halves(pool)
    if len(found) < 3 or not is_halved or not _are_of_attention(primary, found, channels):
        return value, ()
    return product.output, tuple(found)


def halves(pool: Node) -> bool:
    """Return whether a pooling is over 2x2 pixels, none of them twice."""
    sizes = [list(pool.attributes.get(name, ())) for name in ("kernel_shape", "strides")]
    plain = not any(pool.attributes.get("pads", ())) and not pool.attributes.get("ceil_mode", 0)
    return sizes == [[2, 2], [2, 2]] and plain


def _are_of_attention(primary: Unit, found: list[Unit], channels: int) -> bool:
    first, *others = found
    same = tuple(size // 2 for size in first.kernel_size)
    begins = (first.kernel_size, first.stride) == (primary.kernel_size, primary.stride)
    begins = begins and first.padding == same and first.groups == 1
    goes_on = all(
        (unit.kernel_size, unit.padding, unit.groups)
        == (kernel, (kernel[0] // 2, kernel[1] // 2), channels)
        for unit, kernel in zip(others, KERNELS, strict=True)
    )
    plain = all(x.dilation == (1, 1) and x.activation == "identity" for x in found)
    plain = plain and all(unit.c_out == channels for unit in found)
    return begins and goes_on and plain and form_of(found) is not None


def _before_enlarging(graph: Graph, value: str) -> str:
    """Return what is enlarged to the nearest pixels by floor; empty where it is otherwise."""
    node = graph.makers.get(value)
    if node is not None and node.op == "Resize":
        is_floor = all(node.attributes.get(name) == x for name, x in RESIZED.items())
        return node.inputs[0] if is_floor else ""
    # Rows and columns by their numbers, as this project takes them.
    for axis in (3, 2):
        node = graph.maker(value, "Gather")
        if node is None or node.attributes.get("axis") != axis:
            return ""
        found = [np.atleast_1d(x) for x in graph.at_every_size(node.inputs[1])]
        if not found or not all(_are_nearest(numbers) for numbers in found):
            return ""
        value = node.inputs[0]
    return value


def _are_nearest(numbers: np.ndarray) -> bool:
    """Return whether places are those of the nearest pixels, of half as many."""
    count = int(numbers[-1]) + 1 if numbers.size else 0
    is_half = count and count in (numbers.size // 2, (numbers.size + 1) // 2)
    wanted = np.arange(numbers.size) * count // max(numbers.size, 1)
    return bool(is_half) and np.array_equal(numbers, wanted)
