"""The ends of networks in a graph: the mean over height and width, and linear layers."""

from dataclasses import dataclass, field

import numpy as np

from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.squeezing import is_mean

# What changes a shape alone, and so many of it at most in a row.
RESHAPES, MOST_RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze"), 8


@dataclass(frozen=True)
class Linear:
    """A linear layer; `output` is the value that it makes."""

    weight: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    output: str

    def tensors(self, path: str) -> dict[str, np.ndarray]:
        """Return its tensors by name."""
        return {f"{path}.weight": self.weight, f"{path}.bias": self.bias}


def mean_of(graph: Graph, value: str) -> str:
    """Return the mean of a value over height and width; empty where there is none, or several."""
    means = [node for node in graph.readers.get(value, []) if is_mean(graph, node)]
    return means[0].output if len(means) == 1 else ""


def linear_of(graph: Graph, value: str) -> Linear | None:
    """Return the linear layer that reads a value, behind reshapes; None where there is none."""
    node = graph.only_reader(value)
    for _ in range(MOST_RESHAPES):
        if node is not None and node.op in RESHAPES:
            node = graph.only_reader(node.output)
    if node is None or not (node.op == "MatMul" or _is_linear(node)):
        return None
    weight, bias = graph.numbers(node, 1), graph.numbers(node, 2)
    added = graph.only_reader(node.output, "Add") if node.op == "MatMul" else None
    if added is not None:
        bias = next((graph.arrays[x] for x in added.inputs if x in graph.arrays), None)
    if weight is None or weight.ndim != 2:
        return None
    weight = weight if node.attributes.get("transB", 0) else weight.T
    output = node.output if added is None or bias is None else added.output
    bias = np.zeros(weight.shape[0], weight.dtype) if bias is None else bias
    return Linear(weight, bias, output)


def _is_linear(node: Node) -> bool:
    factors = node.attributes.get("alpha", 1), node.attributes.get("beta", 1)
    return node.op == "Gemm" and factors == (1, 1) and not node.attributes.get("transA", 0)
