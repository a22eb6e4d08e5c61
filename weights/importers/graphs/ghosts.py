"""Ghost modules in a graph: a convolution, a cheap one of what it makes, and both in a row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.importers.graphs.attention import attention
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.units import Unit, are_alike
from weights.importers.importer import Part
from weights.modules.forms import FOLDED, TRAINING

# How the names inside of a module begin, where they are those of timm.
FIRST = re.compile(r"(^|\.)(ghost1|primary_conv)\b")
LONGEST_PATH = 200


@dataclass(frozen=True)
class Ghost:
    """A ghost module: its two convolutions, and its output channels."""

    primary: Unit
    cheap: Unit
    output: str
    c_out: int
    attention: tuple[Unit, ...] = ()

    def tensors(self) -> dict[str, np.ndarray]:
        """Return its tensors by canonical name."""
        both = (("primary_conv", self.primary), ("cheap_conv", self.cheap))
        bias = any(unit.bias is not None for _, unit in both)
        found = {
            name: array
            for place, unit in both
            for name, array in unit.tensors(f"{place}.0", f"{place}.1", bias=bias)
        }
        for index, unit in enumerate(self.attention):
            found |= dict(unit.tensors(f"short_conv.{2 * index}", f"short_conv.{2 * index + 1}"))
        return found

    def part(self) -> Part:
        """Return it as a GhostConv."""
        unit = self.primary
        arguments = {
            "c_out": self.c_out, "stride": unit.stride, "padding": unit.padding,
            "dilation": unit.dilation, "groups": unit.groups, "activation": unit.activation,
            "bias": bool(unit.norm) and any(x.bias is not None for x in (unit, self.cheap)),
        }  # fmt: skip
        arguments |= form_of(unit, self.cheap)
        whole = self.tensors(), unit.source, self.output
        architecture = "ghost_conv_v2" if self.attention else "ghost_conv"
        return Part(path_of(unit), architecture, arguments, *whole)


def form_of(*units: Unit) -> dict[str, Any]:
    """Return the form of convolutions that are alike, and the eps that they share."""
    if not units[0].norm:
        return {"form": FOLDED}
    return {"form": TRAINING, "bn_eps": units[0].bn_eps}


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
    found = (_ghost(graph, units, node) for node in concats)
    return {ghost.output: ghost for ghost in found if ghost is not None}


def _ghost(graph: Graph, units: Mapping[str, Unit], node: Node) -> Ghost | None:
    primary, cheap = (units.get(name) for name in node.inputs)
    if primary is None or cheap is None or node.attributes.get("axis") not in (1, -3):
        return None
    is_ghost = (
        cheap.source == primary.output
        and cheap.is_depthwise
        and cheap.c_in == primary.c_out
        and cheap.stride == (1, 1)
        and cheap.activation == primary.activation
        and are_alike(primary, cheap)
    )
    if not is_ghost:
        return None
    output, c_out = _cropped(graph, node.output, primary.c_out + cheap.c_out)
    output, gate = attention(graph, units, primary, output, c_out)
    return Ghost(primary, cheap, output, c_out, gate)


def _cropped(graph: Graph, value: str, channels: int) -> tuple[str, int]:
    """Return what a crop of channels makes, and how many it leaves."""
    node = graph.only_reader(value)
    if node is None or node.op != "Slice":
        return value, channels
    places = ((1, "starts"), (2, "ends"), (3, "axes"), (4, "steps"))
    starts, ends, axes, steps = (graph.numbers(node, index, name) for index, name in places)
    if starts is None or ends is None or axes is None or axes.tolist() not in ([1], [-3]):
        return value, channels
    is_crop = starts.tolist() == [0] and (steps is None or steps.tolist() == [1])
    end = int(ends.flat[0]) if ends.size == 1 else 0
    return (node.output, min(end, channels)) if is_crop and end > 0 else (value, channels)
