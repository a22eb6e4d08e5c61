"""onnxruntime on what PyTorch exports: the practical limit on a CPU.

In a process of its own, since its threads wait actively and take the cores from others.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import onnxruntime
import torch
from torch import Tensor, nn

import ghost_torch
from benchmarks.measure import emit, rows
from benchmarks.shapes import BATCHES, NETWORKS, layer_shapes
from benchmarks.torch_rows import Plain
from ghost_torch import weights_io


def layer(*, quick: bool) -> None:
    """Every shape, deployed."""
    for shape in layer_shapes(quick=quick):
        x = torch.randn(shape.batch, shape.c_in, shape.size, shape.size)
        ours = ghost_torch.deploy(ghost_torch.GhostConv(**shape.arguments))
        runs = {
            "plain deployed": session(Plain(shape, norm=False), x),
            "ours deployed": session(ours, x),
        }
        emit(rows("onnx", "layer", str(shape), "forward", runs, quick=quick))


def network(*, quick: bool) -> None:
    """Every network, deployed."""
    for name, architecture, config, size in NETWORKS[:1] if quick else NETWORKS:
        kind = weights_io.ARCHITECTURES[architecture]
        modules = {"ours deployed": kind(**config), "plain deployed": kind(**config, ratio=1)}
        for batch in BATCHES:
            x = torch.randn(batch, 3, size, size)
            runs = {key: session(ghost_torch.deploy(each), x) for key, each in modules.items()}
            emit(rows("onnx", "network", f"{name} batch {batch}", "forward", runs, quick=quick))


def session(module: nn.Module, x: Tensor) -> Callable[[], Any]:
    """The module in onnxruntime, on as many threads as PyTorch has."""
    stream = io.BytesIO()
    module = module.eval().to(memory_format=torch.contiguous_format)
    names = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(module, (x,), stream, dynamo=True, verbose=False, **names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    made = onnxruntime.InferenceSession(
        stream.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    given = {"x": x.numpy()}
    return lambda: made.run(["y"], given)
