"""Programs of torch.export: as they are, compiled ahead of time, and for ExecuTorch."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import torch

from ghost_torch.exporting.interface import LARGEST, exported
from weights import GhostError
from weights.deployment.notes import ENTRY, Notes


def write_pt2(module: Any, path: Path, notes: Notes) -> None:
    """Write the program with the notes as an extra file."""
    program = exported(module, notes)
    torch.export.save(program, path, extra_files={ENTRY: notes.to_json()})


def write_aoti(module: Any, path: Path, notes: Notes) -> None:
    """Compile the program for this kind of processor, with the notes in its metadata."""
    inductor: Any = torch._inductor
    program, settings = exported(module, notes), {"aot_inductor.metadata": {ENTRY: notes.to_json()}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what its own imports use
            inductor.aoti_compile_and_package(
                program, package_path=str(path), inductor_configs=settings
            )
    except (inductor.exc.InvalidCxxCompiler, inductor.exc.CppCompileError) as error:
        found = "none that works" if shutil.which("g++") else "none"
        raise GhostError(
            f"aoti needs a C++ compiler here, got {found}: install g++, or name another in the "
            f"environment variable CXX ({type(error).__name__})"
        ) from None


def write_executorch(module: Any, path: Path, notes: Notes) -> None:
    """Write the program as ExecuTorch runs it with XNNPACK, the notes as a method."""
    failure: Any = torch._dynamo.exc.UserError
    try:
        program = exported(module, notes, largest=LARGEST)
    except failure:
        raise GhostError(
            f"executorch cannot leave height and width of {notes.architecture} open, whose sizes "
            "its programs cannot compare: give `size`, such as 224 x 224"
        ) from None
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
