"""Ghost modules in a graph: a convolution, a cheap one of what it makes, and both in a row."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.importers.graphs.attention import attention
from weights.importers.graphs.forms import form_of
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.units import Unit
from weights.importers.importer import Part
from weights.modules.forms import DEPLOYED

# How the names inside of a module begin, where they are those of timm.
FIRST = re.compile(r"(^|\.)(ghost1|primary_conv|primary_rpr_conv)\b")
LONGEST_PATH = 200


@dataclass(frozen=True)
class Ghost:
    """A ghost module: its two convolutions, and its output channels.

    One without a cheap half has a primary one alone. One that `adds` is RepGhost's: its output is
    that of the cheap half, which has the primary one inside.
    """

    primary: Unit
    cheap: Unit | None
    output: str
    c_out: int
    attention: tuple[Unit, ...] = ()
    adds: bool = False

    @property
    def halves(self) -> list[Unit]:
        """The convolutions that form `deployed` has merged."""
        found = (None if self.adds else self.primary, self.cheap)
        return [unit for unit in found if unit is not None]

    @property
    def others(self) -> list[Unit]:
        """The convolutions that only form `folded` has merged."""
        return [self.primary] if self.adds else [*self.attention]

    @property
    def merged(self) -> int:
        """How many convolutions one stands for, where they were added in the graph."""
        return max(unit.merged for unit in self.halves)

    @property
    def has_bias(self) -> bool:
        """Whether one has a bias beside its batch normalisation."""
        return any(unit.norm and unit.bias is not None for unit in self.halves)

    def tensors(self) -> dict[str, np.ndarray]:
        """Return its tensors by canonical name."""
        return dict(self._adding() if self.adds else self._halves())

    def _halves(self) -> Iterator[tuple[str, np.ndarray]]:
        has_branches = any(unit.is_sum for unit in self.halves)
        for name, unit in zip(("primary", "cheap"), self.halves, strict=False):
            if has_branches:
                yield from unit.branch_tensors(name)
            else:
                yield from unit.tensors(f"{name}_conv.0", f"{name}_conv.1", bias=self.has_bias)
        for index, unit in enumerate(self.attention):
            yield from unit.tensors(f"short_conv.{2 * index}", f"short_conv.{2 * index + 1}")

    def _adding(self) -> Iterator[tuple[str, np.ndarray]]:
        yield from self.primary.tensors("primary_conv.0", "primary_conv.1")
        for unit in self.halves:
            yield from unit.tensors("cheap_conv.0" if unit.norm else "cheap_conv", "cheap_conv.1")
            yield from unit.skip.tensors("fusion_bn.0").items() if unit.skip else ()

    def part(self) -> Part | None:
        """Return it as a module of its own; None where it is none."""
        unit, form = self.primary, form_of(self.halves, self.others)
        if form is None:
            return None
        shared: dict[str, Any] = {"stride": unit.stride, "activation": unit.activation} | form
        whole = self.tensors(), unit.source, self.output
        path = path_of(unit)
        if self.adds:
            # Without a trace of the branch that is added, it may be anything.
            is_known = self.merged or form["form"] == DEPLOYED
            return Part(path, "rep_ghost_conv", shared, *whole) if is_known else None
        shared["c_out"] = self.c_out
        if self.merged or form["form"] == DEPLOYED:
            is_plain = unit.dilation == (1, 1) and unit.groups == 1 and _keeps_sizes(unit)
            shared |= {"branches": self.merged} if self.merged else {}
            shared["primary_skip"] = unit.skip is not None or not _may_skip(unit)
            return Part(path, "ghost_conv_v3", shared, *whole) if is_plain else None
        shared |= {"padding": unit.padding, "dilation": unit.dilation, "groups": unit.groups}
        architecture = "ghost_conv_v2" if self.attention else "ghost_conv"
        return Part(path, architecture, shared | {"bias": self.has_bias}, *whole)


def _keeps_sizes(unit: Unit) -> bool:
    return unit.padding == tuple(size // 2 for size in unit.kernel_size)


def _may_skip(unit: Unit) -> bool:
    return bool(unit.is_sum) and unit.c_in == unit.c_out and unit.stride == (1, 1)


def path_of(unit: Unit) -> str:
    """Return a path for the module that begins with a convolution, from the names in the graph."""
    name = unit.node.inputs[1].removesuffix(".weight")
    if "::" in name or "." not in name:
        name = unit.node.name.strip("/").replace("/", ".") or unit.node.output
    outer = FIRST.split(name)[0] if FIRST.search(name) else name
    kept = "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in outer)
    return ".".join(part for part in kept.split(".") if part)[:LONGEST_PATH] or "module"


def ghosts(graph: Graph, units: Mapping[str, Unit]) -> dict[str, Ghost]:
    """Return the ghost modules of a graph by the values that they make."""
    concats = (node for node in graph.nodes if node.op == "Concat" and len(node.inputs) == 2)
    found = [_ghost(graph, units, node) for node in concats]
    found += [_adding(graph, units, unit) for unit in units.values()]
    return {ghost.output: ghost for ghost in found if ghost is not None}


def _ghost(graph: Graph, units: Mapping[str, Unit], node: Node) -> Ghost | None:
    primary, cheap = (units.get(name) for name in node.inputs)
    if primary is None or cheap is None or node.attributes.get("axis") not in (1, -3):
        return None
    if not _is_cheap(primary, cheap) or form_of((primary, cheap)) is None:
        return None
    output, c_out = cropped(graph, node.output, primary.c_out + cheap.c_out)
    output, gate = attention(graph, units, primary, output, c_out)
    return Ghost(primary, cheap, output, c_out, gate)


def _adding(graph: Graph, units: Mapping[str, Unit], cheap: Unit) -> Ghost | None:
    """Return the ghost module of RepGhost whose cheap half a convolution is."""
    primary = units.get(cheap.source)
    if primary is None or primary.groups > 1 or primary.is_sum or not _keeps_sizes(primary):
        return None
    is_one = not cheap.branches and not cheap.scale and cheap.c_out == primary.c_out
    # The batch normalisation beside it reads the same.
    alone = len(graph.readers.get(primary.output, ())) == 1 + bool(cheap.merged)
    if not (is_one and alone and _is_cheap(primary, cheap) and primary.dilation == (1, 1)):
        return None
    return Ghost(primary, cheap, cheap.output, cheap.c_out, adds=True)


def _is_cheap(primary: Unit, cheap: Unit) -> bool:
    follows = cheap.source == primary.output and cheap.c_in == primary.c_out
    plain = cheap.is_depthwise and cheap.stride == (1, 1)
    return follows and plain and cheap.activation == primary.activation


def cropped(graph: Graph, value: str, channels: int) -> tuple[str, int]:
    """Return what a crop of channels makes, and how many it leaves."""
    node = graph.only_reader(value, "Slice")
    if node is None:
        return value, channels
    starts, ends, axes, steps = graph.places(node)
    if starts is None or ends is None or axes is None or axes.tolist() not in ([1], [-3]):
        return value, channels
    is_crop = starts.tolist() == [0] and (steps is None or steps.tolist() == [1])
    end = int(ends.flat[0]) if ends.size == 1 else 0
    return (node.output, min(end, channels)) if is_crop and end > 0 else (value, channels)
