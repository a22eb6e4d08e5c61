"""Ghost bottlenecks in a graph: two ghost modules, what is between them, and a shortcut."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weights.importers.graphs.forms import form_of
from weights.importers.graphs.ghosts import Ghost, path_of
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.squeezing import squeezed
from weights.importers.graphs.units import Pair, Unit
from weights.importers.importer import Part
from weights.modules.forms import DEPLOYED


@dataclass(frozen=True)
class Block:
    """A ghost bottleneck; `squeeze` has the convolutions of squeeze-and-excitation by name."""

    first: Ghost
    second: Ghost
    strided: Unit | None
    squeeze: Mapping[str, Unit] = field(repr=False)
    gate: str
    shortcut: tuple[Unit, ...]
    output: str

    @property
    def source(self) -> str:
        """The value that it reads."""
        return self.first.primary.source

    @property
    def adds(self) -> bool:
        """Whether it is RepGhost's."""
        return self.first.adds

    @property
    def merged(self) -> int:
        """How many convolutions one stands for, where they were added in the graph."""
        return max(self.first.merged, self.second.merged)

    @property
    def stride(self) -> int:
        """The stride of the block."""
        return self.strided.stride[0] if self.strided else 1

    @property
    def halves(self) -> list[Unit]:
        """The convolutions that form `deployed` has merged."""
        strided = [] if self.adds or self.strided is None else [self.strided]
        return [*self.first.halves, *self.second.halves, *strided]

    @property
    def others(self) -> list[Unit]:
        """The convolutions that only form `folded` has merged."""
        strided = [self.strided] if self.adds and self.strided is not None else []
        return [*self.first.others, *self.second.others, *strided, *self.shortcut]

    def tensors(self) -> dict[str, np.ndarray]:
        """Return its tensors by canonical name."""
        return dict(self._tensors())

    def _tensors(self) -> Iterator[tuple[str, np.ndarray]]:
        for place, ghost in (("ghost1", self.first), ("ghost2", self.second)):
            yield from ((f"{place}.{name}", array) for name, array in ghost.tensors().items())
        if self.strided and self.strided.is_sum:
            yield from self.strided.branch_tensors("dw")
        elif self.strided:
            yield from self.strided.tensors("conv_dw", "bn_dw")
        for place, unit in self.squeeze.items():
            yield from unit.tensors(f"se.{place}", "")
        for index, unit in enumerate(self.shortcut):
            yield from unit.tensors(f"shortcut.{2 * index}", f"shortcut.{2 * index + 1}")

    def part(self) -> Part | None:
        """Return it as a module of its own; None where it is none."""
        form = form_of(self.halves, self.others)
        if form is None:
            return None
        arguments: dict[str, Any] = {"stride": self.stride} | form
        arguments["activation"] = self.first.primary.activation
        whole = self.tensors(), self.source, self.output, self.gate
        path = path_of(self.first.primary)
        if self.adds:
            return Part(path, "rep_ghost_bottleneck", arguments, *whole)
        arguments["attention"] = bool(self.first.attention)
        if self.merged or form["form"] != DEPLOYED:
            arguments["branches"] = self.merged
        if self.shortcut:
            arguments["shortcut_activation"] = self.shortcut[0].activation
        return Part(path, "ghost_bottleneck", arguments, *whole)


def bottlenecks(
    graph: Graph, units: Mapping[str, Unit], found: Mapping[str, Ghost]
) -> Iterator[Block]:
    """Yield the ghost bottlenecks of a graph."""
    for node in graph.nodes:
        for last, other in (node.inputs, node.inputs[::-1]) if node.op == "Add" else ():
            ghost = found.get(last)
            block = None if ghost is None else _bottleneck(graph, units, found, ghost, other, node)
            if block is not None:
                yield block
                break


def _bottleneck(
    graph: Graph, units: Mapping[str, Unit], found: Mapping[str, Ghost], second: Ghost,
    shortcut: str, end: Node,
) -> Block | None:  # fmt: skip
    value, gate, squeeze = squeezed(graph, units, second.primary.source)
    strided = None if value in found else units.get(value)
    if strided is not None and not (strided.is_depthwise and strided.activation == "identity"):
        strided = None
    first = found.get(strided.source if strided else value)
    if first is None or not _are_of_one_block(first, second, strided):
        return None
    stride = strided.stride if strided else (1, 1)
    ways = _shortcut(units, shortcut, first.primary.source, stride)
    if ways is None:
        return None
    block = Block(first, second, strided, squeeze, gate, ways, end.output)
    return block if form_of(block.halves, block.others) else None


def _are_of_one_block(first: Ghost, second: Ghost, strided: Unit | None) -> bool:
    is_strided = strided is None or (
        strided.c_in == strided.c_out == first.c_out and 1 < strided.stride[0] == strided.stride[1]
    )
    linear = second.primary.activation == "identity" and not second.attention
    pointwise = first.primary.is_pointwise and second.primary.is_pointwise
    return first.adds == second.adds and pointwise and linear and is_strided


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
    plain = not (pointwise.merged or depthwise.merged) and pointwise.activation == "identity"
    return (depthwise, pointwise) if fits and plain else None
