"""Whole GhostNets in a graph: a stem, the bottlenecks one behind the other, and a head."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from weights.importers.gates import OWN_GATE
from weights.importers.graphs.ghosts import form_of
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.squeezing import is_mean
from weights.importers.graphs.units import Unit
from weights.importers.importer import Part
from weights.networks.ghostnet import BLOCKS, FIRST_ATTENTION, ROWS

PLACES = [f"blocks.{stage}.{index}" for stage, index in BLOCKS]
LAST = f"blocks.{len(ROWS)}.0"
# Arguments that tell how the convolutions of a part are normalised.
FORM = ("form", "bn_eps")
# What changes a shape alone.
MOST_RESHAPES = 8
RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")


def ghostnet(graph: Graph, units: Mapping[str, Unit], blocks: Sequence[Part]) -> Part | None:
    """Return the GhostNet whose blocks are those, None where they are of another network."""
    chained = all(a.output == b.source for a, b in pairwise(blocks))
    stem = units.get(blocks[0].source) if len(blocks) == len(PLACES) and chained else None
    last = _next(units, blocks[-1].output) if stem else None
    strides = [row[-1] for rows in ROWS for row in rows]
    if stem is None or last is None or [x.arguments["stride"] for x in blocks] != strides:
        return None
    architecture = _architecture(blocks)
    if architecture is None:
        return None
    if stem.source not in graph.inputs or (stem.stride, stem.padding) != ((2, 2), (1, 1)):
        return None
    means = [node for node in graph.readers.get(last.output, []) if is_mean(graph, node)]
    head = _next(units, means[0].output) if len(means) == 1 else None
    if head is None or not _are_of_one_network(blocks, stem, last, head):
        return None
    tensors = dict(stem.tensors("conv_stem", "bn1"))
    for place, block in zip(PLACES, blocks, strict=True):
        tensors |= {f"{place}.{name}": array for name, array in block.tensors.items()}
    tensors |= dict(last.tensors(f"{LAST}.conv", f"{LAST}.bn1"))
    classifier, end = _classifier(graph, head.output)
    tensors |= dict(head.tensors("conv_head", "bn_head")) | classifier
    arguments = {"head": "norm" if head.norm else "bias", **form_of(stem)}
    shortcuts = _shortcut_activations(blocks)
    arguments |= {"shortcut_activation": min(shortcuts)} if shortcuts else {}
    gate = next(iter(_gates(blocks)), OWN_GATE)
    left = graph.count_behind(end, RESHAPES)
    dropped = {"nodes behind the network": left} if left else {}
    return Part("", architecture, arguments, tensors, stem.source, end, gate, dropped)


def _architecture(blocks: Sequence[Part]) -> str | None:
    """Return which GhostNet has attention in those blocks; None where none has."""
    later = [stage >= FIRST_ATTENTION for stage, _ in BLOCKS]
    found = [block.arguments["attention"] for block in blocks]
    if not any(found):
        return "ghostnet"
    return "ghostnetv2" if found == later else None


def _are_of_one_network(blocks: Sequence[Part], stem: Unit, last: Unit, head: Unit) -> bool:
    """Return whether all have what a network says once: the eps, the gate, the activations."""
    normalised = (stem, last, *([head] if head.norm else []))
    forms = [{name: x.arguments.get(name) for name in FORM} for x in blocks]
    forms += [dict.fromkeys(FORM) | form_of(unit) for unit in normalised]
    activations = {x.activation for x in (stem, last, head)}
    activations |= {x.arguments["activation"] for x in blocks}
    once = max(len(_gates(blocks)), len(_shortcut_activations(blocks))) <= 1
    return once and activations == {"relu"} and all(form == forms[0] for form in forms)


def _gates(blocks: Sequence[Part]) -> set[str]:
    return {x.gate for x in blocks if "se.conv_reduce.weight" in x.tensors}


def _shortcut_activations(blocks: Sequence[Part]) -> set[str]:
    found = (x.arguments.get("shortcut_activation") for x in blocks)
    return {each for each in found if each is not None}


def _next(units: Mapping[str, Unit], value: str) -> Unit | None:
    """Return the pointwise convolution that reads a value."""
    found = [unit for unit in units.values() if unit.source == value and unit.is_pointwise]
    return found[0] if len(found) == 1 else None


def _classifier(graph: Graph, value: str) -> tuple[dict[str, np.ndarray], str]:
    """Return the tensors of the linear layer that reads a value, behind reshapes, and its output.

    None, and the value itself, where there is no such layer.
    """
    node = graph.only_reader(value)
    for _ in range(MOST_RESHAPES):
        if node is not None and node.op in RESHAPES:
            node = graph.only_reader(node.output)
    if node is None or not (node.op == "MatMul" or _is_linear(node)):
        return {}, value
    weight, bias = graph.numbers(node, 1), graph.numbers(node, 2)
    added = graph.only_reader(node.output) if node.op == "MatMul" else None
    if added is not None and added.op == "Add":
        bias = next((graph.arrays[x] for x in added.inputs if x in graph.arrays), None)
    if weight is None or weight.ndim != 2:
        return {}, value
    is_transposed = bool(node.attributes.get("transB", 0))
    weight = weight if is_transposed else weight.T
    end = node.output if added is None or bias is None else added.output
    bias = np.zeros(weight.shape[0], weight.dtype) if bias is None else bias
    return {"classifier.weight": weight, "classifier.bias": bias}, end


def _is_linear(node: Node) -> bool:
    factors = node.attributes.get("alpha", 1), node.attributes.get("beta", 1)
    return node.op == "Gemm" and factors == (1, 1) and not node.attributes.get("transA", 0)
