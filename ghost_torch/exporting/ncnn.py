"""ncnn's files, by pnnx from a trace."""

import subprocess
import tempfile
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ghost_torch.exporting.interface import Interface, example
from ghost_torch.networks.basic_block import BasicBlock
from weights import GhostError, UnsupportedError
from weights.deployment.notes import Notes, write_beside
from weights.networks.resnet import BlockConfig
from weights.text import brief, listed

# Added to height and width of the second example, from which pnnx learns that they are open.
OTHER = (32, 64)
SUFFIXES = ("ncnn.param", "ncnn.bin")


def write_ncnn(module: Any, path: Path, notes: Notes) -> None:
    """Write the model with the notes beside it; it computes in float32 whatever it stores."""
    import pnnx

    x = example(notes)
    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder, "model.pt")
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            # The check runs a module twice, and ours remember what they have accepted.
            made = _pooled(Interface(module, replace(notes, dtype="float32")))
            torch.jit.trace(made, x, check_trace=False).save(traced)
        is_half = int(notes.dtype == "float16")
        command = [pnnx.EXEC_PATH, traced.name, f"inputshape={_shape(x)}", f"fp16={is_half}"]
        if notes.size is None:
            other = torch.nn.functional.pad(x, (0, OTHER[1], 0, OTHER[0]))
            command.append(f"inputshape2={_shape(other)}")
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        files = [Path(folder, f"model.{suffix}") for suffix in SUFFIXES]
        if ran.returncode or not all(each.is_file() for each in files):
            raise GhostError(f"pnnx cannot convert the module: {brief(ran.stderr[-200:])}")
        _check_layers(files[0].read_text(), notes)
        path.mkdir()
        for each in files:
            (path / each.name).write_bytes(each.read_bytes())
    write_beside(path, notes)


def _check_layers(text: str, notes: Notes) -> None:
    """Raise `UnsupportedError` for operators of PyTorch that pnnx has left as they are."""
    kinds = [line.split()[0] for line in text.splitlines() if line.strip()]
    left = [
        kind for kind in dict.fromkeys(kinds) if kind.startswith(("torch.", "pnnx.", "F.", "nn."))
    ]
    if left:
        raise UnsupportedError(
            f"ncnn has no layer for {listed(left)}, which {notes.architecture} needs: export it to "
            "another runtime"
        )


def _pooled(module: Interface) -> Interface:
    """The module with pooling where a shortcut takes every second pixel: ncnn has no such slice."""
    for each in module.modules():
        if isinstance(each, BasicBlock):
            each.shortcut = partial(_shortcut, each.block)  # type: ignore[method-assign]
    return module


def _shortcut(block: BlockConfig, x: Tensor) -> Tensor:
    x = torch.nn.functional.max_pool2d(x, 1, block.stride)
    return torch.nn.functional.pad(x, (0, 0, 0, 0, block.extra_channels, block.extra_channels))


def _shape(x: torch.Tensor) -> str:
    return str(list(x.shape)).replace(" ", "")
