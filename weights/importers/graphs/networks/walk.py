"""A way through a graph from layer to layer, for networks that are a row of ghost modules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from weights.importers.graphs.attention import halves
from weights.importers.graphs.forms import form_of
from weights.importers.graphs.ghosts import Ghost, cropped
from weights.importers.graphs.graph import Graph
from weights.importers.graphs.networks.heads import linear_of, mean_of
from weights.importers.graphs.networks.shortcuts import is_subsampled
from weights.importers.graphs.units import Norm, Unit, norm_of
from weights.importers.importer import Part

# What follows a GhostConv in a network, as it does not follow a plain convolution.
AFTER = ("BatchNormalization", "Relu")


class Elsewhere(Exception):
    """The graph goes another way."""


@dataclass
class Walk:
    """The value that it is at, and the tensors that it came by.

    Each step passes a layer, which has a path in the network, or raises `Elsewhere` where the graph
    has another. Those that return whether there was one pass nothing where it is missing.
    """

    graph: Graph
    units: Mapping[str, Sequence[Unit]] = field(repr=False)
    ghosts: Mapping[str, Sequence[Ghost]] = field(repr=False)
    value: str
    tensors: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    passed: list[Unit] = field(default_factory=list, repr=False)
    apart: list[Norm] = field(default_factory=list, repr=False)

    def next(self) -> Ghost | None:
        """Return the GhostConv of 3x3 kernels that reads the value; None where there is none."""
        found = [ghost for ghost in self.ghosts.get(self.value, ()) if not ghost.adds]
        alone = [] if found else self.units.get(self.value, ())
        for unit in alone:
            found.append(Ghost(unit, None, *cropped(self.graph, unit.output, unit.c_out)))
        if len(found) != 1 or found[0].attention or found[0].merged or found[0].has_bias:
            return None
        unit = found[0].primary
        sizes = (unit.kernel_size, unit.padding, unit.dilation, unit.groups)
        return found[0] if sizes == ((3, 3), (1, 1), (1, 1), 1) else None

    def next_channels(self) -> int:
        """Return how many channels the next GhostConv makes, 0 where there is none."""
        found = self.next()
        return found.c_out if found else 0

    def ghost(self, path: str, c_out: int, stride: int = 1, activation: str = "relu") -> None:
        """Pass a GhostConv."""
        found = self.next()
        wanted = (c_out, (stride, stride), activation)
        unit = found.primary if found else None
        if found is None or unit is None or (found.c_out, unit.stride, unit.activation) != wanted:
            raise Elsewhere
        self.tensors |= {f"{path}.{name}": array for name, array in found.tensors().items()}
        self.passed += found.halves
        self.value = found.output

    def plain(self, path: str, norm_path: str, c_out: int) -> bool:
        """Pass a convolution with ReLU, unless more than that follows, as after a GhostConv."""
        found = self.next()
        if found is None or found.cheap or self.graph.only_reader(found.output, *AFTER):
            return False
        unit = found.primary
        if (unit.c_out, unit.stride, unit.activation) != (c_out, (1, 1), "relu"):
            raise Elsewhere
        self.tensors |= dict(unit.tensors(path, norm_path))
        self.passed.append(unit)
        self.value = unit.output
        return True

    def norm(self, path: str, channels: int, *, before_relu: bool = True) -> bool:
        """Pass a batch normalisation and the ReLU behind it, if there is one.

        Of a GhostConv without it a second ReLU changes nothing, and may be missing.
        """
        found = norm_of(self.graph, self.graph.only_reader(self.value), channels)
        if found is not None:
            self.tensors |= found.tensors(path)
            self.apart.append(found)
            self.value = found.output
        if before_relu:
            self._relu(needed=found is not None)
        return found is not None

    def shortcut(self, entered: str, stride: int, extra: int) -> None:
        """Pass the addition of what entered a block: every few pixels of it, and zero channels."""
        node = self.graph.only_reader(self.value, "Add")
        others = [x for x in node.inputs if x != self.value] if node else []
        if node is None or len(others) != 1:
            raise Elsewhere
        if not is_subsampled(self.graph, others[0], entered, stride, extra):
            raise Elsewhere
        self.value = node.output
        self._relu(needed=True)

    def halve(self) -> None:
        """Pass the maximum over 2x2."""
        node = self.graph.only_reader(self.value, "MaxPool")
        if node is None or not halves(node):
            raise Elsewhere
        self.value = node.output

    def mean(self) -> None:
        """Pass the mean over height and width."""
        self.value = mean_of(self.graph, self.value)
        if not self.value:
            raise Elsewhere

    def linear(self, path: str, *, before_relu: int = 0) -> bool:
        """Pass a linear layer, if there is one.

        `before_relu` asks for one of so many outputs, and passes the ReLU behind it as well.
        """
        found = linear_of(self.graph, self.value)
        relu = self.graph.only_reader(found.output, "Relu") if found and before_relu else None
        if found is None or (before_relu and (relu is None or len(found.bias) != before_relu)):
            return False
        self.tensors |= found.tensors(path)
        self.value = relu.output if relu else found.output
        return True

    def part(self, architecture: str, source: str) -> Part:
        """Return what it came by as a network."""
        form = form_of(self.passed, apart=self.apart)
        if form is None:
            raise Elsewhere
        return Part("", architecture, form, self.tensors, source, self.value)

    def _relu(self, *, needed: bool) -> None:
        node = self.graph.only_reader(self.value, "Relu")
        if node is None and needed:
            raise Elsewhere
        self.value = node.output if node else self.value
