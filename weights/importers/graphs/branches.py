"""Convolutions of one value that are added: the branches of GhostNetV3 and RepGhost."""

from dataclasses import dataclass, replace

import numpy as np

from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.units import Norm, Unit, activated, convolutions, norm_of

# So many branches are added at most.
MOST_BRANCHES = 64


@dataclass(frozen=True)
class Sum:
    """Branches in the order in which they are added, each of the same value."""

    source: str
    units: tuple[Unit, ...] = ()
    skips: tuple[Norm, ...] = ()

    def plus(self, other: "Sum") -> "Sum":
        """Return the branches of both."""
        return Sum(self.source, self.units + other.units, self.skips + other.skips)


def units(graph: Graph) -> dict[str, Unit]:
    """Return convolutions, or what several that are added make, by the values that they make."""
    single = {unit.output: unit for unit in convolutions(graph)}
    sums: dict[str, Sum] = {}
    for node in graph.nodes:
        parts = [_branches(graph, single, sums, node, x) for x in node.inputs if node.op == "Add"]
        first, second = parts if len(parts) == 2 else (None, None)
        if first is None or second is None or first.source != second.source:
            continue
        if len(first.units) + len(second.units) <= MOST_BRANCHES:
            sums[node.output] = first.plus(second)
            for part in node.inputs:
                sums.pop(part, None)
    whole = (_unit(value, found) for value, found in sums.items())
    single |= {unit.output: unit for unit in whole if unit is not None}
    return {unit.output: unit for unit in (activated(graph, each) for each in single.values())}


def _branches(
    graph: Graph, single: dict[str, Unit], sums: dict[str, Sum], end: Node, value: str
) -> Sum | None:
    """Return the branches whose sum is a value that nothing else than `end` reads."""
    if graph.only_reader(value) is not end:
        return None
    if value in sums:
        return sums[value]
    if value in single:
        return Sum(single[value].source, (single[value],))
    node = graph.maker(value, "BatchNormalization")
    weight = graph.numbers(node, 1) if node else None
    norm = None if weight is None else norm_of(graph, node, weight.size)
    return Sum(node.inputs[0], skips=(norm,)) if node and norm else None


def _unit(value: str, found: Sum) -> Unit | None:
    """Return one convolution that stands for branches; None where they cannot be merged."""
    largest = max(found.units, key=lambda x: x.kernel_size, default=None)
    if largest is None or len(found.skips) > 1 or not all(map(_is_centred, found.units)):
        return None
    sizes = (largest.c_out, largest.stride, largest.groups)
    if any((x.c_out, x.stride, x.groups) != sizes for x in found.units):
        return None
    copies = [x for x in found.units if x.kernel_size == largest.kernel_size]
    scales = [x for x in found.units if x.kernel_size != largest.kernel_size]
    skip = next(iter(found.skips), None)
    passes = largest.stride == (1, 1) and largest.c_in == largest.c_out
    if len(scales) > 1 or any(x.kernel_size != (1, 1) for x in scales) or (skip and not passes):
        return None
    scale = next(iter(scales), None)
    unit = replace(
        copies[0], output=value, branches=tuple(copies[1:]), scale=scale, skip=skip,
        merged=len(copies),
    )  # fmt: skip
    are_normed = {bool(x.norm) for x in found.units}
    if len(are_normed) > 1:
        return None
    return unit if are_normed == {True} else _merged(unit)


def _is_centred(unit: Unit) -> bool:
    around = tuple(size // 2 for size in unit.kernel_size)
    odd = all(size % 2 for size in unit.kernel_size)
    return odd and unit.padding == around and unit.dilation == (1, 1)


def _merged(unit: Unit) -> Unit:
    """Return one convolution without batch normalisation; the sum is in float64, rounded once."""
    weight, bias = np.zeros(unit.weight.shape), np.zeros(unit.c_out)
    row, column = (size // 2 for size in unit.kernel_size)
    centre = weight[..., row, column]
    for each in (unit, *unit.branches):
        weight += each.weight
    for each in unit.parts:
        bias += 0 if each.bias is None else each.bias
    if unit.scale:
        centre += unit.scale.weight[..., 0, 0]
    if unit.skip:
        scale, shift = unit.skip.affine()
        identity = np.tile(np.eye(unit.c_in // unit.groups), (unit.groups, 1))
        centre += identity * scale[:, None]
        bias += shift
    dtype = unit.weight.dtype
    return replace(
        unit, weight=weight.astype(dtype), bias=bias.astype(dtype), branches=(), scale=None,
        skip=None,
    )  # fmt: skip
