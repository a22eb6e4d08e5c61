"""Whole GhostNets in a graph: a stem, the bottlenecks one behind the other, and a head."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from weights.importers.gates import OWN_GATE
from weights.importers.graphs.blocks import MEANS, form_of
from weights.importers.graphs.graph import Graph
from weights.importers.graphs.units import Unit
from weights.importers.importer import Part
from weights.networks.ghostnet import FIRST_ATTENTION, ROWS

PLACES = [f"blocks.{stage}.{i}" for stage, rows in enumerate(ROWS) for i in range(len(rows))]
LAST = f"blocks.{len(ROWS)}.0"
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
    means = [node for node in graph.readers.get(last.output, []) if node.op in MEANS]
    head = _next(units, means[0].output) if len(means) == 1 else None
    if head is None or _activations(blocks, stem, last, head) != {"relu"}:
        return None
    tensors = dict(stem.tensors("conv_stem", "bn1"))
    for place, block in zip(PLACES, blocks, strict=True):
        tensors |= {f"{place}.{name}": array for name, array in block.tensors.items()}
    tensors |= dict(last.tensors(f"{LAST}.conv", f"{LAST}.bn1"))
    tensors |= dict(head.tensors("conv_head", "bn_head")) | _classifier(graph, head.output)
    arguments = {"head": "norm" if head.norm else "bias", **form_of(stem)}
    activations = {x.arguments["shortcut_activation"] for x in blocks if _has_shortcut(x)}
    arguments |= {"shortcut_activation": activations.pop()} if len(activations) == 1 else {}
    gate = next((block.gate for block in blocks if block.gate != OWN_GATE), OWN_GATE)
    return Part("", architecture, arguments, tensors, stem.source, gate=gate)


def _architecture(blocks: Sequence[Part]) -> str | None:
    """Return which GhostNet has attention in those blocks; None where none has."""
    later = [stage >= FIRST_ATTENTION for stage, rows in enumerate(ROWS) for _ in rows]
    found = [block.arguments["attention"] for block in blocks]
    if not any(found):
        return "ghostnet"
    return "ghostnetv2" if found == later else None


def _activations(blocks: Sequence[Part], *units: Unit) -> set[str]:
    return {x.activation for x in units} | {x.arguments["activation"] for x in blocks}


def _has_shortcut(block: Part) -> bool:
    return "shortcut_activation" in block.arguments


def _next(units: Mapping[str, Unit], value: str) -> Unit | None:
    """Return the pointwise convolution that reads a value."""
    found = [unit for unit in units.values() if unit.source == value and unit.is_pointwise]
    return found[0] if len(found) == 1 else None


def _classifier(graph: Graph, value: str) -> dict[str, np.ndarray]:
    """Return the tensors of the linear layer that reads a value, behind reshapes; or none."""
    node = graph.only_reader(value)
    for _ in range(MOST_RESHAPES):
        if node is not None and node.op in RESHAPES:
            node = graph.only_reader(node.output)
    if node is None or node.op not in ("Gemm", "MatMul"):
        return {}
    weight, bias = graph.numbers(node, 1), graph.numbers(node, 2)
    added = graph.only_reader(node.output) if node.op == "MatMul" else None
    if added is not None and added.op == "Add":
        bias = next((graph.arrays[x] for x in added.inputs if x in graph.arrays), None)
    if weight is None or weight.ndim != 2:
        return {}
    is_transposed = bool(node.attributes.get("transB", 0))
    weight = weight if is_transposed else weight.T
    bias = np.zeros(weight.shape[0], weight.dtype) if bias is None else bias
    return {"classifier.weight": weight, "classifier.bias": bias}
