"""Whole networks of ghost bottlenecks in a graph: a stem, the blocks in a row, and a head."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from weights.importers.gates import OWN_GATE
from weights.importers.graphs.blocks import Block
from weights.importers.graphs.forms import form_of
from weights.importers.graphs.graph import Graph
from weights.importers.graphs.networks.heads import linear_of, mean_of
from weights.importers.graphs.units import Unit
from weights.importers.importer import Part
from weights.modules.forms import DEPLOYED, FOLDED
from weights.networks.ghostnet import BLOCKS, BRANCHES, FIRST_ATTENTION, ROWS

PLACES = [f"blocks.{stage}.{index}" for stage, index in BLOCKS]
LAST = f"blocks.{len(ROWS)}.0"


def bottleneck_network(
    graph: Graph, units: Mapping[str, Unit], blocks: Sequence[Block]
) -> Part | None:
    """Return the network whose blocks are those, None where they are of another one."""
    chained = all(a.output == b.source for a, b in pairwise(blocks))
    stem = units.get(blocks[0].source) if len(blocks) == len(PLACES) and chained else None
    last = _next(units, blocks[-1].output) if stem else None
    strides = [row[-1] for rows in ROWS for row in rows]
    if stem is None or last is None or [block.stride for block in blocks] != strides:
        return None
    plain = stem.dilation == (1, 1) and not (stem.merged or last.merged)
    begins = stem.source in graph.inputs and (stem.stride, stem.padding) == ((2, 2), (1, 1))
    head = _next(units, mean_of(graph, last.output))
    if head is None or not (plain and begins) or not _are_of_one_network(blocks, stem, last, head):
        return None
    form = form_of(
        (unit for block in blocks for unit in block.halves),
        [*(unit for block in blocks for unit in block.others), stem, last, *_normed(head)],
    )
    architecture = None if form is None else _architecture(blocks, form["form"])
    if form is None or architecture is None:
        return None
    tensors = dict(stem.tensors("conv_stem", "bn1"))
    for place, block in zip(PLACES, blocks, strict=True):
        tensors |= {f"{place}.{name}": array for name, array in block.tensors().items()}
    tensors |= dict(last.tensors(f"{LAST}.conv", f"{LAST}.bn1"))
    tensors |= dict(head.tensors("conv_head", "bn_head"))
    classifier = linear_of(graph, head.output)
    tensors |= classifier.tensors("classifier") if classifier else {}
    end = classifier.output if classifier else head.output
    return Part(
        "", architecture, _arguments(blocks, head) | form, tensors, stem.source, end,
        next(iter(_gates(blocks)), OWN_GATE), twin=_twin(architecture, form["form"]),
    )  # fmt: skip


def _architecture(blocks: Sequence[Block], form: str) -> str | None:
    """Return which network has such blocks; None where none has."""
    if any(block.adds for block in blocks):
        return "repghostnet" if all(block.adds for block in blocks) else None
    later = [stage >= FIRST_ATTENTION for stage, _ in BLOCKS]
    attention = [bool(block.first.attention) for block in blocks]
    merged = {block.merged for block in blocks}
    if merged == {0} and form != DEPLOYED and not any(attention):
        return "ghostnet"
    if attention != later:
        return None
    if merged == {0}:
        return "ghostnetv3" if form == DEPLOYED else "ghostnetv2"
    return "ghostnetv3" if merged == {BRANCHES} else None


def _twin(architecture: str, form: str) -> str:
    """Return the network that computes the same with the same tensors, where there is one."""
    return "ghostnetv3" if architecture == "ghostnetv2" and form == FOLDED else ""


def _arguments(blocks: Sequence[Block], head: Unit) -> dict[str, Any]:
    """Return what the graph tells beside the form."""
    if blocks[0].adds:
        return {}
    shortcuts = _shortcut_activations(blocks)
    told = {"shortcut_activation": shortcuts.pop()} if shortcuts else {}
    return told | {"head": "norm" if head.norm else "bias"}


def _are_of_one_network(blocks: Sequence[Block], stem: Unit, last: Unit, head: Unit) -> bool:
    """Return whether all have what a network says once: the gate, the activations."""
    activations = {x.activation for x in (stem, last, head)}
    activations |= {block.first.primary.activation for block in blocks}
    once = max(len(_gates(blocks)), len(_shortcut_activations(blocks))) <= 1
    own = not blocks[0].adds or (_shortcut_activations(blocks) == {"identity"} and not head.norm)
    return once and own and activations == {"relu"}


def _gates(blocks: Sequence[Block]) -> set[str]:
    return {block.gate for block in blocks if block.squeeze}


def _shortcut_activations(blocks: Sequence[Block]) -> set[str]:
    return {block.shortcut[0].activation for block in blocks if block.shortcut}


def _normed(unit: Unit) -> list[Unit]:
    return [unit] if unit.norm else []


def _next(units: Mapping[str, Unit], value: str) -> Unit | None:
    """Return the pointwise convolution that reads a value."""
    found = [unit for unit in units.values() if unit.source == value and unit.is_pointwise]
    return found[0] if value and len(found) == 1 else None
