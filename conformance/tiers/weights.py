"""Tier `weights`: what goes into a framework comes out with the same bytes, file and all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from conformance.cases.case import Case, pair_id
from conformance.cases.layers import LAYERS, layer_cases
from conformance.cases.tensors import Tensors
from conformance.implementations.errors import ImplementationError, NotSupported
from conformance.implementations.implementation import Implementation
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.tiers.contract import plain_weights
from weights import configure, write_file
from weights.files.digests import dtype_name
from weights.tensors import DTYPES

DATA_SETS = ("F32", "F16", "BF16")
# The defaults, no cheap half, two and three ghosts a channel, 2x2 and 3x5 kernels, groups.
ROWS = [LAYERS[index] for index in (0, 3, 6, 7, 13, 17, 34)]


class WeightsTier:
    """Random bit patterns, NaN payloads and subnormals included, in three floating types."""

    name = "weights"

    def cases(self) -> list[Case]:
        """A case for every layer of a few and every type."""
        return list(layer_cases(self.name, DATA_SETS, ROWS))

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """canonical -> framework -> canonical: the same names, types, shapes and bytes."""
        weights = random_bits(case)
        state = process.state(case.architecture, case.config, weights)
        problems = [f"tensor {name!r} is missing" for name in weights if name not in state]
        problems += [f"tensor {name!r} is unexpected" for name in state if name not in weights]
        for name in weights.keys() & state.keys():
            problem = _difference(weights[name], state[name])
            if problem:
                problems.append(f"tensor {name!r} {problem}")
        return Outcome.failed("; ".join(sorted(problems))) if problems else Outcome.passed()

    def finish(
        self, processes: Mapping[str, Implementation], cases: Sequence[Case]
    ) -> Iterator[Verdict]:
        """For every ordered pair, the first's file, loaded and written again by the second."""
        for case in cases:
            weights = random_bits(case)
            wanted = _file(case, weights)
            for writer in processes.values():
                # A folder for each: what one does to it is nobody else's.
                with tempfile.TemporaryDirectory() as folder:
                    yield from self._pairs(case, weights, writer, processes, Path(folder), wanted)

    def _pairs(
        self,
        case: Case,
        weights: Tensors,
        writer: Implementation,
        readers: Mapping[str, Implementation],
        folder: Path,
        wanted: bytes,
    ) -> Iterator[Verdict]:
        """One writer's file, and what each reader makes of it."""
        written = folder / "written.safetensors"
        try:
            writer.save(case.architecture, case.config, weights, written)
        except NotSupported as reason:
            yield self._verdict(case, writer, writer, Status.SKIP, f"writes no file: {reason}")
            return
        except ImplementationError as error:
            yield self._verdict(case, writer, writer, Status.ERROR, str(error))
            return
        if not written.is_file():
            yield self._verdict(case, writer, writer, Status.ERROR, "its save wrote no file")
            return
        if not _holds(written, wanted):
            yield self._verdict(case, writer, writer, Status.FAIL, "its save wrote other bytes")
            return
        for number, reader in enumerate(readers.values()):
            again = folder / f"{number}.safetensors"
            yield self._pair(case, writer, reader, written, again, wanted)

    def _pair(
        self,
        case: Case,
        writer: Implementation,
        reader: Implementation,
        written: Path,
        again: Path,
        wanted: bytes,
    ) -> Verdict:
        try:
            reader.resave(case.architecture, case.config, blank(case), written, again)
        except NotSupported as reason:
            return self._verdict(case, writer, reader, Status.SKIP, f"loads no file: {reason}")
        except ImplementationError as error:
            return self._verdict(case, writer, reader, Status.ERROR, str(error))
        if not again.is_file():
            return self._verdict(case, writer, reader, Status.ERROR, "its save wrote no file")
        if not _holds(again, wanted):
            message = f"loaded the file of {writer.name} and wrote other bytes"
            return self._verdict(case, writer, reader, Status.FAIL, message)
        return self._verdict(case, writer, reader, Status.PASS, "")

    def _verdict(
        self,
        case: Case,
        writer: Implementation,
        reader: Implementation,
        status: Status,
        message: str,
    ) -> Verdict:
        name = pair_id(case.id, writer.name)
        return Verdict.of(Outcome(status, message=message), name, self.name, reader.name)


def blank(case: Case) -> Tensors:
    """Weights to be overwritten by a load, in the case's type."""
    plain = plain_weights(case.architecture, dict(case.config))
    return {name: array.astype(DTYPES[case.data]) for name, array in plain.items()}


def random_bits(case: Case) -> Tensors:
    """Tensors of uniformly random bits in the case's type."""
    generator = np.random.Generator(np.random.PCG64(case.seed))
    dtype = DTYPES[case.data]
    weights = {}
    for spec in configure(case.architecture, case.config).tensors():
        size = int(np.prod(spec.shape)) * dtype.itemsize
        flat = np.frombuffer(generator.bytes(size), dtype)
        weights[spec.name] = flat.reshape(spec.shape).copy()
    return weights


def _difference(wanted: np.ndarray, got: np.ndarray) -> str:
    got = np.asarray(got)
    if got.dtype != wanted.dtype:
        return f"came back as {dtype_name(got.dtype)}, went in as {dtype_name(wanted.dtype)}"
    if got.shape != wanted.shape:
        return f"came back with shape {got.shape}, went in with {wanted.shape}"
    return "" if got.tobytes() == wanted.tobytes() else "came back with other bytes"


def _file(case: Case, weights: Tensors) -> bytes:
    """What the interchange file must be, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "wanted.safetensors")
        write_file(path, case.architecture, case.config, weights)
        return path.read_bytes()


def _holds(path: Path, wanted: bytes) -> bool:
    """Whether a file is those bytes; of another size it is not read."""
    try:
        return path.stat().st_size == len(wanted) and path.read_bytes() == wanted
    except OSError:
        return False
