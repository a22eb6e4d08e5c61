"""ONNX files: the modules of this project that are recognised in their graphs."""

import re
from dataclasses import replace
from functools import partial

from weights.files.storage import PathLike
from weights.importers.graphs.blocks import bottlenecks
from weights.importers.graphs.branches import units
from weights.importers.graphs.ghosts import ghosts
from weights.importers.graphs.graph import Graph
from weights.importers.graphs.networks.bottlenecks import bottleneck_network
from weights.importers.graphs.networks.cifar import cifar_network
from weights.importers.graphs.networks.heads import RESHAPES
from weights.importers.graphs.reading import read_graph
from weights.importers.importer import Arguments, Importer, Inferred, Part, Shapes
from weights.importers.layouts import timm

# What the number of classes alone tells; all else a graph says.
ASSUMED = ("preprocess", "classes")


def read_parts(path: PathLike) -> list[Part]:
    """Return the modules in an ONNX file: its network, or else bottlenecks and ghost modules.

    A ghost module inside a bottleneck is not listed beside it.
    """
    graph = read_graph(path)
    return [replace(part, count_dropped=partial(_outside, graph, part)) for part in _parts(graph)]


def _outside(graph: Graph, part: Part) -> dict[str, int]:
    """Return how many nodes are before and behind a module, for which the whole graph is walked."""
    count = graph.count_before(part.source) + graph.count_behind(part.output, RESHAPES)
    return {"nodes outside": count} if count else {}


def _parts(graph: Graph) -> list[Part]:
    convolutions = units(graph)
    found = ghosts(graph, convolutions)
    blocks = list(bottlenecks(graph, convolutions, found))
    network = bottleneck_network(graph, convolutions, blocks) if blocks else None
    network = network or cifar_network(graph, convolutions, found)
    if network is not None:
        return [network]
    taken = {id(ghost.primary) for block in blocks for ghost in (block.first, block.second)}
    alone = [ghost for ghost in found.values() if id(ghost.primary) not in taken]
    parts = [*(block.part() for block in blocks), *(ghost.part() for ghost in alone)]
    return [part for part in parts if part is not None]


def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer the module from canonical names and shapes, and from what the graph tells."""
    found = timm.infer(shapes, architecture, given)
    kept = {name: said for name, said in found.assumptions.items() if name in ASSUMED}
    return replace(found, assumptions=kept)


ARCHITECTURES = tuple(name for name in timm.INFER if name != "squeeze_excite")
ONNX = Importer(
    "onnx", ARCHITECTURES, re.compile(r"(?!)"), infer, timm.differences, read_parts=read_parts
)
