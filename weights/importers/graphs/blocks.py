"""Ghost bottlenecks in a graph: two ghost modules, what is between them, and a shortcut."""

from collections.abc import Iterator, Mapping

import numpy as np

from weights.importers.graphs.ghosts import Ghost, form_of, path_of
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.squeezing import squeezed
from weights.importers.graphs.units import Pair, Unit, are_alike
from weights.importers.importer import Part


def bottlenecks(
    graph: Graph, units: Mapping[str, Unit], found: Mapping[str, Ghost]
) -> Iterator[Part]:
    """Yield the ghost bottlenecks of a graph."""
    for node in graph.nodes:
        for last, other in (node.inputs, node.inputs[::-1]) if node.op == "Add" else ():
            ghost = found.get(last)
            part = None if ghost is None else _bottleneck(graph, units, found, ghost, other, node)
            if part is not None:
                yield part
                break


def _bottleneck(
    graph: Graph, units: Mapping[str, Unit], found: Mapping[str, Ghost], second: Ghost,
    shortcut: str, end: Node,
) -> Part | None:  # fmt: skip
    value, gate, squeeze = squeezed(graph, units, second.primary.source)
    strided = units.get(value)
    if strided is not None and not (strided.is_depthwise and strided.activation == "identity"):
        strided = None
    first = found.get(strided.source if strided else value)
    if first is None or not _are_of_one_block(first, second, strided):
        return None
    stride = strided.stride if strided else (1, 1)
    ways = _shortcut(units, shortcut, first.primary.source, stride)
    others = [*([strided] if strided else []), *(ways or ())]
    if ways is None or not are_alike(first.primary, second.primary, *others):
        return None
    arguments = {
        "stride": stride[0],
        "activation": first.primary.activation, "attention": bool(first.attention),
        "branches": 0,
        **form_of(first.primary),
    }  # fmt: skip
    arguments |= {"shortcut_activation": ways[0].activation} if ways else {}
    whole = _tensors(first, second, strided, squeeze, ways), first.primary.source, end.output, gate
    return Part(path_of(first.primary), "ghost_bottleneck", arguments, *whole)


def _tensors(
    first: Ghost, second: Ghost, strided: Unit | None, squeeze: Mapping[str, Unit],
    ways: tuple[Unit, ...],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return the tensors of a bottleneck by canonical name."""
    tensors = {f"ghost1.{name}": array for name, array in first.tensors().items()}
    tensors |= dict(strided.tensors("conv_dw", "bn_dw")) if strided else {}
    for place, unit in squeeze.items():
        tensors |= {f"se.{name}": x for name, x in unit.tensors(place, "")}
    tensors |= {f"ghost2.{name}": array for name, array in second.tensors().items()}
    for index, unit in enumerate(ways):
        tensors |= dict(unit.tensors(f"shortcut.{2 * index}", f"shortcut.{2 * index + 1}"))
    return tensors


def _are_of_one_block(first: Ghost, second: Ghost, strided: Unit | None) -> bool:
    is_strided = strided is None or (
        strided.c_in == strided.c_out == first.c_out and 1 < strided.stride[0] == strided.stride[1]
    )
    linear = second.primary.activation == "identity" and not second.attention
    pointwise = first.primary.is_pointwise and second.primary.is_pointwise
    return pointwise and linear and is_strided


def _shortcut(
    units: Mapping[str, Unit], value: str, entered: str, stride: Pair
) -> tuple[Unit, ...] | None:
    """Return the convolutions of a shortcut from `entered` to `value`; None where it is another."""
    if value == entered:
        return ()
    pointwise = units.get(value)
    depthwise = units.get(pointwise.source) if pointwise else None
    if pointwise is None or depthwise is None or not depthwise.is_depthwise:
        return None
    fits = depthwise.source == entered and depthwise.stride == stride and pointwise.is_pointwise
    return (depthwise, pointwise) if fits and pointwise.activation == "identity" else None
