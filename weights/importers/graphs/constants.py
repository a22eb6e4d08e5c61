"""Nodes of a graph that read constants alone: what they make, before anything is looked for.

Exporters leave such nodes behind for shapes, paddings and biases of zeros.
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np

# Operations on shapes and small vectors.
FOLDED = (
    "Add", "And", "Cast", "CastLike", "Concat", "ConstantOfShape", "Div", "Equal", "Expand",
    "Gather", "Greater", "Less", "Mod", "Mul", "Range", "Reshape", "Shape", "Slice", "Squeeze",
    "Sub", "Transpose", "Unsqueeze",
)  # fmt: skip
# Those that make no more numbers than they read.
KEEPING = ("Cast", "CastLike", "Concat", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze")
NUMBERS = ("value_float", "value_floats", "value_int", "value_ints")
# Numbers that a node may read and make, and that all together may make.
MOST_NUMBERS, MOST_TOGETHER = 1 << 16, 1 << 22
# As many are counted for every node at least: each takes a tenth of a millisecond.
FEWEST = 1 << 11
# Stands for a size that is not known: what is computed with it is no size or place either.
UNKNOWN = -(10**9)


def fold_constants(
    model: Any, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """Return arrays, and what nodes make of arrays alone and of the shapes of other values.

    What is large stays in the graph.
    """
    from onnx.reference import ReferenceEvaluator

    opsets = {each.domain: each.version for each in model.opset_import}
    evaluator = partial(ReferenceEvaluator, opsets=opsets)
    known, room = dict(arrays), MOST_TOGETHER
    for node in model.graph.node:
        if len(node.output) != 1 or node.output[0] in known:
            continue
        try:
            made = _made(node, known, shapes, evaluator)
        except Exception:  # of whatever kind an operation trips over: it stays in the graph
            continue
        if made is not None:
            known[node.output[0]] = made
            room -= max(made.size, FEWEST)
        if room < 0:
            break
    return known


def _made(
    node: Any, known: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]],
    evaluator: Callable[[Any], Any],
) -> np.ndarray | None:  # fmt: skip
    """Return what a node makes of constants, None where it reads others, or is not to be folded."""
    found = {name: known[name] for name in node.input if name in known}
    if node.op_type == "Shape" and node.input[0] in shapes:
        return _sizes(node, shapes[node.input[0]])
    if node.op_type == "CastLike" and node.input[0] in found and node.input[1] not in found:
        return found[node.input[0]]  # of whatever type the other value has
    if not _is_constant(node, found) or not _is_small(node, found):
        return None
    (made,) = evaluator(node).run(None, found)
    return np.asarray(made)


def _sizes(node: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the sizes that a node of type Shape tells; one that is not known is no size at all."""
    ends = {each.name: each.i for each in node.attribute}
    known = [size or UNKNOWN for size in shape]
    return np.array(known[ends.get("start", 0) : ends.get("end")], np.int64)


def _is_constant(node: Any, found: Mapping[str, np.ndarray]) -> bool:
    if node.op_type == "Constant":
        return bool(node.attribute) and node.attribute[0].name in NUMBERS
    return node.op_type in FOLDED and bool(found) and found.keys() == {*filter(None, node.input)}


def _is_small(node: Any, found: Mapping[str, np.ndarray]) -> bool:
    """Return whether a node reads and makes few numbers."""
    inputs = [found[name] for name in node.input if name]
    if node.op_type in ("Constant", "Shape"):
        return True
    count = sum(each.size for each in inputs)
    if node.op_type not in KEEPING:
        count += prod(max(1, each.size) for each in inputs)
    if node.op_type in ("ConstantOfShape", "Expand"):
        count *= prod(max(1, abs(int(each))) for each in inputs[-1].flat)
    if node.op_type == "Range":
        start, limit, step = (float(each.item()) for each in inputs)
        count += int(min(abs((limit - start) / step), MOST_NUMBERS)) if step else 0
    return count <= MOST_NUMBERS
