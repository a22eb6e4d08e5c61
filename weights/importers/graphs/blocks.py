"""Ghost modules and bottlenecks in a graph."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.importers.gates import OWN_GATE
from weights.importers.graphs.attention import attention
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.units import Pair, Unit, are_alike, clipped, gate_of
from weights.importers.importer import Part
from weights.modules.forms import FOLDED, TRAINING

# How the names inside of a module begin, where they are those of timm.
FIRST = re.compile(r"(^|\.)(ghost1|primary_conv)\b")
LONGEST_PATH = 200
MEANS = ("GlobalAveragePool", "ReduceMean")


@dataclass(frozen=True)
class Ghost:
    """A ghost module: its two convolutions, and its output channels."""

    primary: Unit
    cheap: Unit
    output: str
    c_out: int
    attention: tuple[Unit, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is one of a bottleneck: pointwise, its channels those of its halves."""
        return self.primary.is_pointwise

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
    value, gate, squeeze = _squeezed(graph, units, second.primary.source)
    strided = units.get(value)
    if strided is not None and strided.is_depthwise and strided.activation == "identity":
        value = strided.source
    else:
        strided = None
    first = found.get(value)
    if first is None or not _are_of_one_block(first, second, strided):
        return None
    stride = strided.stride if strided else (1, 1)
    ways = _shortcut(units, shortcut, first.primary.source, stride)
    others = [*([strided] if strided else []), *(ways or ())]
    if ways is None or not are_alike(first.primary, second.primary, *others):
        return None
    tensors = {f"ghost1.{name}": array for name, array in first.tensors().items()}
    tensors |= dict(strided.tensors("conv_dw", "bn_dw")) if strided else {}
    for place, unit in squeeze.items():
        tensors |= {f"se.{name}": x for name, x in unit.tensors(place, "")}
    tensors |= {f"ghost2.{name}": array for name, array in second.tensors().items()}
    for index, unit in enumerate(ways):
        tensors |= dict(unit.tensors(f"shortcut.{2 * index}", f"shortcut.{2 * index + 1}"))
    arguments = {
        "stride": stride[0],
        "activation": first.primary.activation, "attention": bool(first.attention),
        "branches": 0,
        **form_of(first.primary),
    }  # fmt: skip
    arguments |= {"shortcut_activation": ways[0].activation} if ways else {}
    whole = tensors, first.primary.source, end.output, gate
    return Part(path_of(first.primary), "ghost_bottleneck", arguments, *whole)


def _are_of_one_block(first: Ghost, second: Ghost, strided: Unit | None) -> bool:
    is_strided = strided is None or (
        strided.c_in == strided.c_out == first.c_out and 1 < strided.stride[0] == strided.stride[1]
    )
    linear = second.primary.activation == "identity"
    linear = linear and not second.attention
    return first.is_plain and second.is_plain and linear and is_strided


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


def _squeezed(
    graph: Graph, units: Mapping[str, Unit], value: str
) -> tuple[str, str, dict[str, Unit]]:
    """Return what enters squeeze-and-excitation, its gate and its convolutions, where there is one.

    Otherwise the value itself.
    """
    product = graph.maker(value, "Mul")
    for entered, gated in (product.inputs, product.inputs[::-1]) if product else ():
        gate, expanded = _gate(graph, gated)
        expand = units.get(expanded)
        reduce = units.get(expand.source) if expand else None
        if gate is None or expand is None or reduce is None:
            continue
        mean = graph.maker(reduce.source, *MEANS)
        if mean is not None and mean.inputs[0] == entered and reduce.activation == "relu":
            return entered, gate, {"conv_reduce": reduce, "conv_expand": expand}
    return value, OWN_GATE, {}


def _gate(graph: Graph, value: str) -> tuple[str | None, str]:
    """Return the gate that makes a value, and what enters it."""
    node = graph.makers.get(value)
    if node is None:
        return None, ""
    found = gate_of(graph, node)
    if found is not None:
        return found, node.inputs[0]
    # relu6(x + 3) / 6, operation by operation.
    clip = graph.maker(node.inputs[0], "Clip") if node.op in ("Div", "Mul") else None
    factor = graph.numbers(node, 1)
    wanted = 6 if node.op == "Div" else 1 / 6
    if clip is None or factor is None or not np.allclose(factor, wanted):
        return None, ""
    add = graph.maker(clip.inputs[0], "Add")
    three = None if add is None else graph.numbers(add, 1)
    is_own = clipped(graph, clip) == (0, 6) and three is not None and np.all(three == 3)
    return (OWN_GATE, add.inputs[0]) if add is not None and is_own else (None, "")
