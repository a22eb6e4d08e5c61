"""Shortcuts without parameters in a graph: every few pixels of a value, and zero channels."""

from collections.abc import Iterator

from weights.importers.graphs.graph import NO_END, Graph, Node

# Slices along the axes, one by one at most.
MOST_SLICES = 4


def is_subsampled(graph: Graph, value: str, entered: str, stride: int, extra: int) -> bool:
    """Return whether a value is another one at every `stride`-th row and column.

    On both sides of its channels are `extra` ones of zeros.
    """
    node = graph.maker(value, "Pad")
    value = value if node is None else node.inputs[0]
    if _channels_around(graph, node) != extra:
        return False
    steps = [1, 1, 1, 1]
    for _ in range(MOST_SLICES):
        node = graph.maker(value, "Slice") if value != entered else None
        for axis, step in _steps(graph, node) if node else ():
            steps[axis] *= step
        value = value if node is None else node.inputs[0]
    return value == entered and steps == [1, 1, stride, stride]


def _channels_around(graph: Graph, node: Node | None) -> int | None:
    """Return how many channels of zeros a padding puts on both sides; None where it does else."""
    if node is None:
        return 0
    pads, numbers = graph.numbers(node, 1, "pads"), graph.numbers(node, 2, "value")
    is_constant = node.attributes.get("mode", b"constant") == b"constant" and len(node.inputs) < 4
    is_zero = numbers is None or not numbers.any()
    if pads is None or pads.size != 8 or not (is_constant and is_zero):
        return None
    around = int(pads[1])
    return around if pads.tolist() == [0, around, 0, 0] * 2 else None


def _steps(graph: Graph, node: Node) -> Iterator[tuple[int, int]]:
    """Yield the steps along the axes of a slice; 0 where it does not take all of them."""
    places = graph.places(node)
    starts, ends, axes, steps = (() if each is None else each.tolist() for each in places)
    steps = steps or [1] * len(axes)
    if not len(starts) == len(ends) == len(axes) == len(steps) > 0:
        yield 0, 0
        return
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        yield axis % 4, step if start == 0 and end >= NO_END else 0
