"""Programs of torch.export in int8 by torchao's PT2E, whichever quantiser says what is in int8."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.quantising.quantiser import stage_of
from weights.frameworks import needed

SOURCE = "pt2"
WEIGHTED = ("conv2d", "linear")
BATCH = 10


def stages(source: Path) -> list[str]:
    """The stages with convolutions or products of matrices, by the names of their weights."""
    graph = opened(source).graph
    weights = [node.args[1].target for node in graph.nodes if operation_of(node) in WEIGHTED]
    return list(dict.fromkeys(map(stage_of, weights)))


def opened(source: Path) -> Any:
    """The module of a program in float."""
    with needed("PyTorch in int8", "torch"):
        import torch
    module = torch.export.load(source).module()
    _without_norms(module)
    return module


def converted(module: Any, quantiser: Any, x: np.ndarray) -> Any:
    """The module in int8, its weights too, with the ranges that x (N, C, H, W) has in it."""
    with quiet(), needed("PyTorch in int8", "int8"):
        import torch
        from torchao.quantization.pt2e import quantize_pt2e
    with quiet(), torch.no_grad():
        prepared = quantize_pt2e.prepare_pt2e(module, quantiser)
        for at in range(0, len(x), BATCH):
            prepared(torch.from_numpy(x[at : at + BATCH]))
        made = quantize_pt2e.convert_pt2e(prepared)
    _drop_unused(made)
    return made


def operation_of(node: Any) -> str:
    """The name of the operator that a node of a graph calls; empty where it calls none."""
    return getattr(getattr(node.target, "overloadpacket", None), "__name__", "")


def _without_norms(module: Any) -> None:
    """Make a product and a sum of each batch normalisation that no convolution takes in.

    Of a graph with one torchao asks 96 times whether it was trained in int8, for a minute.
    """
    import torch

    graph, tensors = module.graph, dict(module.state_dict())
    for node in list(graph.nodes):
        if operation_of(node) != "batch_norm" or operation_of(node.args[0]) in WEIGHTED:
            continue
        x, *names = node.args[:5]
        weight, bias, mean, variance = (tensors[each.target] for each in names)
        factor = weight / torch.sqrt(variance + node.args[7])
        with graph.inserting_before(node):
            added = [
                _constant(module, f"{node.name}_{name}", tensor.reshape(-1, 1, 1))
                for name, tensor in {"shift": bias - mean * factor, "factor": factor}.items()
            ]
            new = graph.call_function(torch.ops.aten.addcmul.default, (added[0], x, added[1]))
        new.meta = dict(node.meta)
        node.replace_all_uses_with(new)
        graph.erase_node(node)
    graph.eliminate_dead_code()
    module.recompile()


def _constant(module: Any, name: str, tensor: Any) -> Any:
    module.register_buffer(name, tensor.detach().clone())
    return module.graph.get_attr(name)


def _drop_unused(module: Any) -> None:
    """Remove the weights in float of which there are others in int8 now."""
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    for name in module.state_dict().keys() - used:
        parent, _, last = name.rpartition(".")
        delattr(module.get_submodule(parent), last)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what torchao says of parts of it that do not fit this machine."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
