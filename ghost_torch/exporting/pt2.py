"""Programs of torch.export: as they are, compiled ahead of time, and for ExecuTorch."""

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from ghost_torch.exporting.interface import LARGEST, exported
from weights import GhostError
from weights.deployment.notes import ENTRY, Notes


def write_pt2(module: Any, path: Path, notes: Notes) -> None:
    """Write the program with the notes as an extra file."""
    save(exported(module, notes), path, notes)


def save(program: ExportedProgram, path: Path, notes: Notes) -> None:
    """Write a program that there is, with the notes as an extra file."""
    for node in program.graph.nodes:
        # Half of a file: paths of this machine, and numbers that are others in each process.
        for name in ("stack_trace", "from_node"):
            node.meta.pop(name, None)
    torch.export.save(program, path, extra_files={ENTRY: notes.to_json()})


def write_aoti(module: Any, path: Path, notes: Notes) -> None:
    """Compile the program for this kind of processor, with the notes in its metadata."""
    inductor: Any = torch._inductor
    failures = (inductor.exc.InvalidCxxCompiler, inductor.exc.CppCompileError)
    program, settings = exported(module, notes), {"aot_inductor.metadata": {ENTRY: notes.to_json()}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what its own imports use
            inductor.aoti_compile_and_package(
                program, package_path=str(path), inductor_configs=settings
            )
    except (*failures, inductor.exc.InductorError) as error:
        # The search for a compiler may fail inside the compiler of graphs, whose error holds it.
        if not isinstance(getattr(error, "inner_exception", error), failures):
            raise
        name = os.environ.get("CXX", "g++")
        found = f"{name}, which does not work" if shutil.which(name) else f"no {name}"
        raise GhostError(
            f"aoti needs a C++ compiler here, got {found}: install g++, or name another in the "
            "environment variable CXX"
        ) from None


def write_executorch(module: Any, path: Path, notes: Notes) -> None:
    """Write the program as ExecuTorch runs it with XNNPACK, the notes as a method."""
    lower(exported(module, notes, largest=LARGEST), path, notes)


def lower(program: ExportedProgram, path: Path, notes: Notes) -> None:
    """Write a program that there is as ExecuTorch runs it with XNNPACK, the notes as a method."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports too warn of what they use
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        lowered = to_edge_transform_and_lower(
            program,
            partitioner=[XnnpackPartitioner()],
            constant_methods={ENTRY: notes.to_json()},
        )
        path.write_bytes(lowered.to_executorch().buffer)
