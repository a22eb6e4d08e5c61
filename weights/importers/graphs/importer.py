"""ONNX files: the modules of this project that are recognised in their graphs."""

import re

from weights.files.storage import PathLike
from weights.importers.graphs.blocks import bottlenecks
from weights.importers.graphs.ghosts import ghosts
from weights.importers.graphs.graph import read_graph
from weights.importers.graphs.networks import ghostnet
from weights.importers.graphs.units import units
from weights.importers.importer import Importer, Part
from weights.importers.layouts import timm

ARCHITECTURES = ("ghost_conv", "ghost_conv_v2", "ghost_bottleneck", "ghostnet", "ghostnetv2")


def read_parts(path: PathLike) -> list[Part]:
    """Return the modules in an ONNX file: its GhostNet, or else bottlenecks and ghost modules.

    A ghost module inside a bottleneck is not listed beside it.
    """
    graph = read_graph(path)
    convolutions = units(graph)
    found = ghosts(graph, convolutions)
    blocks = list(bottlenecks(graph, convolutions, found))
    network = ghostnet(graph, convolutions, blocks) if blocks else None
    if network is not None:
        return [network]
    taken = {id(x) for block in blocks for x in block.tensors.values()}
    alone = [ghost.part() for ghost in found.values() if id(ghost.primary.weight) not in taken]
    return [*blocks, *alone]


ONNX = Importer(
    "onnx", ARCHITECTURES, re.compile(r"(?!)"), timm.infer, timm.differences, read_parts=read_parts
)
