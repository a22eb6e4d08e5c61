"""Convolutions in a graph, each with the batch normalisation and the activation behind it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from weights.importers.graphs.activations import activation
from weights.importers.graphs.graph import Graph, Node

Pair = tuple[int, int]
NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Norm:
    """A batch normalisation: its vectors by canonical name, and what it makes."""

    vectors: dict[str, np.ndarray] = field(repr=False)
    eps: float
    momentum: float
    output: str

    def tensors(self, path: str) -> dict[str, np.ndarray]:
        """Return its tensors by name."""
        return {f"{path}.{name}": array for name, array in self.vectors.items()}

    def affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Return scale and shift, in float64, that it is in inference."""
        weight, bias, mean, var = (self.vectors[name].astype(np.float64) for name in NORM)
        scale = weight / np.sqrt(var + self.eps)
        return scale, bias - mean * scale


@dataclass(frozen=True)
class Unit:
    """A convolution, and the batch normalisation that follows, if one does.

    `branches` are others of the same value beside it that are added to it, in order; `scale` is the
    one with a 1x1 kernel among them, `skip` a batch normalisation of the value itself. `merged`
    tells that it stands for so many convolutions that were added in the graph.
    """

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
    norm: Norm | None = None
    branches: "tuple[Unit, ...]" = ()
    scale: "Unit | None" = None
    skip: Norm | None = None
    merged: int = 0

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

    @property
    def is_sum(self) -> bool:
        """Whether branches are added to it."""
        return bool(self.branches or self.scale or self.skip)

    @property
    def parts(self) -> "list[Unit]":
        """The convolutions that are added, itself first."""
        return [self, *self.branches, *([self.scale] if self.scale else [])]

    @property
    def norms(self) -> list[Norm]:
        """The batch normalisations of all its branches."""
        return [norm for norm in (*(part.norm for part in self.parts), self.skip) if norm]

    def tensors(
        self, path: str, norm_path: str, *, bias: bool = False
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield its tensors by name; a convolution without batch normalisation has a bias."""
        yield f"{path}.weight", self.weight
        if bias or not self.norm:
            zeros = np.zeros(self.c_out, self.weight.dtype)
            yield f"{path}.bias", zeros if self.bias is None else self.bias
        if self.norm:
            yield from self.norm.tensors(norm_path).items()

    def branch_tensors(self, name: str) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the tensors of all branches, under timm's names, which begin with `name`."""
        for index, unit in enumerate((self, *self.branches)):
            path = f"{name}_rpr_conv.{index}"
            yield from unit.tensors(f"{path}.conv", f"{path}.bn1")
        if self.scale:
            yield from self.scale.tensors(f"{name}_rpr_scale.conv", f"{name}_rpr_scale.bn1")
        if self.skip:
            yield from self.skip.tensors(f"{name}_rpr_skip").items()


def convolutions(graph: Graph) -> Iterator[Unit]:
    """Yield the convolutions with constant kernels, without their activations."""
    found = (_unit(graph, node) for node in graph.nodes if node.op == "Conv")
    return (unit for unit in found if unit is not None)


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
    norm = norm_of(graph, graph.only_reader(unit.output), unit.c_out)
    if norm is None:
        return unit
    # Exporters give a convolution without a bias one of zeros.
    bias = unit.bias if unit.bias is not None and unit.bias.any() else None
    return replace(unit, output=norm.output, norm=norm, bias=bias)


def _pair(node: Node, name: str) -> Pair:
    first, second = node.attributes.get(name, (1, 1))
    return int(first), int(second)


def norm_of(graph: Graph, node: Node | None, channels: int) -> Norm | None:
    """Return the batch normalisation that a node is, None where it is none of so many channels."""
    if node is None or node.op != "BatchNormalization":
        return None
    vectors = [graph.numbers(node, index) for index in range(1, 5)]
    if any(each is None or each.shape != (channels,) for each in vectors):
        return None
    found = {name: array for name, array in zip(NORM, vectors, strict=True) if array is not None}
    # The file has both in float32: the shortest numbers that are the same there.
    eps, momentum = node.attributes.get("epsilon", 1e-5), node.attributes.get("momentum", 0.9)
    return Norm(found, float(f"{eps:.6g}"), float(f"{1 - momentum:.6g}"), node.output)


def activated(graph: Graph, unit: Unit) -> Unit:
    """Return a convolution with the activation behind it, if one is."""
    found = activation(graph, unit.output)
    return unit if found is None else replace(unit, activation=found[0], output=found[1])
