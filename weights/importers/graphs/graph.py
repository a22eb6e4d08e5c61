"""A graph of operations: its nodes, its arrays, and who makes and reads a value."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from weights.files.storage import PathLike

# Ends of slices from here on are those of any value.
NO_END = 2**31 - 1


@dataclass(frozen=True)
class Node:
    """An operation, by its type; `attributes` are numbers, texts, and lists of those."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0] if self.outputs else ""


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of their execution, and the arrays that they read.

    Where the graph takes images of any size, `arrays` are what it computes for one size, and
    `others` those for other sizes.
    """

    path: PathLike
    nodes: Sequence[Node] = field(repr=False)
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    inputs: tuple[str, ...] = ()
    others: tuple[Mapping[str, np.ndarray], ...] = field(default=(), repr=False)

    @cached_property
    def makers(self) -> Mapping[str, Node]:
        """The node that makes each value."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def readers(self) -> Mapping[str, list[Node]]:
        """The nodes that read each value."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def only_reader(self, value: str, *ops: str) -> Node | None:
        """Return the one node that reads a value, where it is one of these types, if any are asked.

        None where no node or several read it.
        """
        readers = self.readers.get(value, [])
        fits = len(readers) == 1 and (not ops or readers[0].op in ops)
        return readers[0] if fits else None

    def maker(self, value: str, *ops: str) -> Node | None:
        """Return the node that makes a value, where it is one of these types."""
        found = self.makers.get(value)
        return found if found is not None and found.op in ops else None

    def count_behind(self, value: str, passed: Collection[str]) -> int:
        """Return how many nodes, but those of the types `passed`, compute with a value."""
        reached, count = {value}, 0
        for node in self.nodes:
            if not reached.isdisjoint(node.inputs):
                reached.update(node.outputs)
                count += node.op not in passed
        return count

    def count_before(self, value: str) -> int:
        """Return how many nodes compute a value."""
        wanted, count = {value}, 0
        for node in reversed(self.nodes):
            if not wanted.isdisjoint(node.outputs):
                wanted.update(node.inputs)
                count += 1
        return count

    def numbers(self, node: Node, index: int, attribute: str = "") -> np.ndarray | None:
        """Return a constant input of a node, or the attribute that older files have instead."""
        found = self.arrays.get(node.inputs[index]) if index < len(node.inputs) else None
        found = node.attributes.get(attribute) if found is None else found
        return None if found is None else np.atleast_1d(found)

    def places(self, node: Node) -> list[np.ndarray | None]:
        """Return the starts, ends, axes and steps of a slice, each None where it is no constant."""
        names = ("starts", "ends", "axes", "steps")
        return [self.numbers(node, index, name) for index, name in enumerate(names, start=1)]

    def at_every_size(self, value: str) -> Iterator[np.ndarray]:
        """Yield what a constant is for each size of the images; nothing where it is none."""
        for arrays in (self.arrays, *self.others) if value in self.arrays else ():
            yield arrays[value]
