"""Convolutions in a graph, each with the batch normalisation and the activation behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from weights.importers.graphs.graph import Graph, Node

Pair = tuple[int, int]
NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Unit:
    """A convolution; `norm` has the vectors of a batch normalisation, where one follows."""

    node: Node
    source: str
    output: str
    weight: np.ndarray = field(repr=False)
    bias: np.ndarray | None = field(repr=False)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    activation: str = "identity"
    norm: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    bn_eps: float = 1e-5

    @property
    def c_in(self) -> int:
        """Channels of the input."""
        return self.weight.shape[1] * self.groups

    @property
    def c_out(self) -> int:
        """Channels of the output."""
        return self.weight.shape[0]

    @property
    def kernel_size(self) -> Pair:
        """Height and width of the kernel."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def is_depthwise(self) -> bool:
        """Whether every output channel is of one input channel, at the same place."""
        square, odd = self.kernel_size[0] == self.kernel_size[1], self.kernel_size[0] % 2 == 1
        centred = self.padding == (self.kernel_size[0] // 2,) * 2 and self.dilation == (1, 1)
        return self.weight.shape[1] == 1 and self.groups == self.c_in and square and odd and centred

    @property
    def is_pointwise(self) -> bool:
        """Whether it mixes the channels of each place and does nothing else."""
        plain = self.stride == self.dilation == (1, 1) and self.padding == (0, 0)
        return self.kernel_size == (1, 1) and self.groups == 1 and plain

    def tensors(
        self, prefix: str, norm_prefix: str, *, bias: bool = False
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield its tensors by name; a convolution without batch normalisation has a bias."""
        yield f"{prefix}.weight", self.weight
        if bias or not self.norm:
            zeros = np.zeros(self.c_out, self.weight.dtype)
            yield f"{prefix}.bias", zeros if self.bias is None else self.bias
        yield from ((f"{norm_prefix}.{name}", array) for name, array in self.norm.items())


def are_alike(*units: Unit) -> bool:
    """Return whether all have a batch normalisation with one eps, or none has."""
    return len({(bool(unit.norm), unit.bn_eps if unit.norm else 0) for unit in units}) == 1


def units(graph: Graph) -> dict[str, Unit]:
    """Return the convolutions with constant kernels, by the values that they make."""
    convolutions = (node for node in graph.nodes if node.op == "Conv")
    found = (_unit(graph, node) for node in convolutions)
    return {unit.output: unit for unit in found if unit is not None}


def _unit(graph: Graph, node: Node) -> Unit | None:
    weight, bias = graph.numbers(node, 1), graph.numbers(node, 2)
    pads = [*node.attributes.get("pads", (0, 0, 0, 0))]
    is_plain = node.attributes.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID", b"")
    if weight is None or weight.ndim != 4 or 0 in weight.shape or len(pads) != 4 or not is_plain:
        return None
    if pads[:2] != pads[2:] or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    stride, dilation = (_pair(node, name) for name in ("strides", "dilations"))
    groups = int(node.attributes.get("group", 1))
    sizes = stride, (pads[0], pads[1]), dilation, groups
    unit = Unit(node, node.inputs[0], node.output, weight, bias, *sizes)
    return _activated(graph, _normalised(graph, unit))


def _pair(node: Node, name: str) -> Pair:
    first, second = node.attributes.get(name, (1, 1))
    return int(first), int(second)


def _normalised(graph: Graph, unit: Unit) -> Unit:
    node = graph.only_reader(unit.output)
    if node is None or node.op != "BatchNormalization":
        return unit
    vectors = [graph.numbers(node, index) for index in range(1, 5)]
    if any(each is None or each.shape != (unit.c_out,) for each in vectors):
        return unit
    norm = {name: array for name, array in zip(NORM, vectors, strict=True) if array is not None}
    eps = float(np.float32(node.attributes.get("epsilon", 1e-5)))
    # The file has it in float32: the shortest number that is the same there.
    return replace(unit, output=node.output, norm=norm, bn_eps=float(f"{eps:.6g}"))


def _activated(graph: Graph, unit: Unit) -> Unit:
    found = activation(graph, unit.output)
    return unit if found is None else replace(unit, activation=found[0], output=found[1])


def activation(graph: Graph, value: str) -> tuple[str, str] | None:
    """Return the activation of a value, and the value that it makes; None where there is none."""
    node = graph.only_reader(value)
    if node is not None:
        name = _name(graph, node)
        return None if name is None else (name, node.output)
    gates = [each for each in graph.readers.get(value, []) if each.op in ("Sigmoid", "HardSigmoid")]
    if len(gates) != 1 or len(graph.readers[value]) != 2:
        return None
    product = graph.only_reader(gates[0].output)
    if product is None or product.op != "Mul" or value not in product.inputs:
        return None
    if gates[0].op == "Sigmoid":
        return "silu", product.output
    return ("hard_swish", product.output) if gate_of(graph, gates[0]) == "relu6" else None


def _name(graph: Graph, node: Node) -> str | None:
    if node.op == "Relu":
        return "relu"
    if node.op == "HardSwish":
        return "hard_swish"
    if node.op == "LeakyRelu":
        return f"leaky_relu:{float(np.float32(node.attributes.get('alpha', 0.01))):.6g}"
    return "relu6" if node.op == "Clip" and clipped(graph, node) == (0, 6) else None


def clipped(graph: Graph, node: Node) -> tuple[float, float] | None:
    """Return the bounds of a clip."""
    bounds = [graph.numbers(node, i, name) for i, name in ((1, "min"), (2, "max"))]
    if any(bound is None or bound.size != 1 for bound in bounds):
        return None
    low, high = (float(bound.item()) for bound in bounds if bound is not None)
    return low, high


def gate_of(graph: Graph, node: Node) -> str | None:
    """Return which gate a node is, by its name among `weights.importers.gates`."""
    if node.op == "Sigmoid":
        return "sigmoid"
    if node.op == "Clip" and clipped(graph, node) == (0, 1):
        return "clip01"
    if node.op != "HardSigmoid":
        return None
    slope, offset = (
        float(node.attributes.get(name, usual)) for name, usual in (("alpha", 0.2), ("beta", 0.5))
    )
    if abs(offset - 0.5) > 1e-6:
        return None
    slopes = {"relu6": 1 / 6, "keras2": 0.2}
    return next((name for name, known in slopes.items() if abs(slope - known) < 1e-6), None)
