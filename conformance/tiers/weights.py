"""Tier `weights`: what goes into a framework comes out with the same bytes, file and all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.case import FILES, Case, pair_id
from conformance.cases.layers import layer_cases
from conformance.cases.model import Model
from conformance.cases.tensors import Tensors
from conformance.implementations.errors import (
    ImplementationError,
    ImplementationRaised,
    NotSupported,
)
from conformance.implementations.implementation import Implementation
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.tiers.base import Tier
from weights import configure, write_file
from weights.files.digests import dtype_name
from weights.tensors import DTYPES

FLOAT32 = "F32"
DATA_SETS = (FLOAT32, "F16", "BF16")


class WeightsTier(Tier):
    """Random bit patterns, NaN payloads and subnormals included, in three floating types."""

    name = "weights"

    def cases(self) -> list[Case]:
        """A case for every layer with tag `files` and every type."""
        return [case for case in layer_cases(self.name, DATA_SETS) if FILES in case.tags]

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """canonical -> framework -> canonical: the same names, types, shapes and bytes."""
        model = random_model(case)
        weights = model.weights
        state = _ask(case, implementation, implementation.state, model)
        problems = [f"tensor {name!r} is missing" for name in weights if name not in state]
        problems += [f"tensor {name!r} is unexpected" for name in state if name not in weights]
        for name in weights.keys() & state.keys():
            problem = _difference(weights[name], state[name])
            if problem:
                problems.append(f"tensor {name!r} {problem}")
        return Outcome.failed("; ".join(sorted(problems))) if problems else Outcome.passed()

    def finish(
        self, implementations: Mapping[str, Implementation], cases: Sequence[Case]
    ) -> Iterator[Verdict]:
        """For every ordered pair, the first's file, loaded and written anew by the second."""
        for case in cases:
            model = random_model(case)
            wanted = _file(model)
            for writer in implementations.values():
                # A folder for each, so that no implementation meets the files of another writer.
                with tempfile.TemporaryDirectory() as folder:
                    readers = implementations.values()
                    for reader, outcome in _pairs(case, model, wanted, writer, readers, folder):
                        name = pair_id(case.id, writer.name)
                        yield Verdict.of(outcome, name, self.name, reader.name)


def _pairs(
    case: Case, model: Model, wanted: bytes, writer: Implementation,
    readers: Iterable[Implementation], folder: str,
) -> Iterator[tuple[Implementation, Outcome]]:  # fmt: skip
    """The writer's own outcome where its file is not right, else that of each reader."""
    written = Path(folder, "written.safetensors")
    save = partial(_ask, case, writer, writer.save, model, written)
    outcome = _judge_file(save, written, wanted, "writes no file", "its save wrote other bytes")
    if outcome.status is not Status.PASS:
        yield writer, outcome
        return
    zeros = blank(model)
    wrong = f"loaded the file of {writer.name} and wrote other bytes"

    def judged(number: int, reader: Implementation) -> tuple[Implementation, Outcome]:
        path = Path(folder, f"{number}.safetensors")
        resave = partial(_ask, case, reader, reader.resave, zeros, written, path)
        return reader, _judge_file(resave, path, wanted, "loads no file", wrong)

    # Each reads in a process of its own, which nobody waits for where the run is interrupted.
    pool = ThreadPoolExecutor()
    try:
        yield from pool.map(judged, count(), readers)
    finally:
        pool.shutdown(wait=False)


def _ask(
    case: Case, implementation: Implementation, request: Callable[..., Any], *arguments: Any
) -> Any:
    """What a request gives; raises `NotSupported` where one of 16 bits raises, but for ours."""
    try:
        return request(*arguments)
    except ImplementationRaised as error:
        if case.data == FLOAT32 or implementation.is_ours:
            raise
        raise NotSupported(f"it takes no {case.data}: {error}") from None


def _judge_file(
    write: Callable[[], None], path: Path, wanted: bytes, refusal: str, wrong: str
) -> Outcome:
    """The outcome of a file that an implementation writes; of another size it is not read."""
    try:
        write()
    except NotSupported as reason:
        return Outcome.skipped(f"{refusal}: {reason}")
    except ImplementationError as error:
        return Outcome(Status.ERROR, message=str(error))
    if not path.is_file():
        return Outcome(Status.ERROR, message="its save wrote no file")
    try:
        is_equal = path.stat().st_size == len(wanted) and path.read_bytes() == wanted
    except OSError:
        is_equal = False
    return Outcome.passed() if is_equal else Outcome.failed(wrong)


def random_model(case: Case) -> Model:
    """The model of a case, whose tensors are uniformly random bits of the case's type."""
    generator = np.random.Generator(np.random.PCG64(case.seed))
    dtype = DTYPES[case.data]
    weights: Tensors = {}
    for spec in configure(case.architecture, case.config).tensors():
        size = int(np.prod(spec.shape)) * dtype.itemsize
        flat = np.frombuffer(generator.bytes(size), dtype)
        weights[spec.name] = flat.reshape(spec.shape).copy()
    return Model(case.architecture, case.config, weights)


def blank(model: Model) -> Model:
    """The model with zeros for tensors."""
    return model._replace(weights={name: np.zeros_like(a) for name, a in model.weights.items()})


def _difference(wanted: np.ndarray, got: np.ndarray) -> str:
    got = np.asarray(got)
    if got.dtype != wanted.dtype:
        return f"came back as {dtype_name(got.dtype)}, went in as {dtype_name(wanted.dtype)}"
    if got.shape != wanted.shape:
        return f"came back with shape {got.shape}, went in with {wanted.shape}"
    return "" if got.tobytes() == wanted.tobytes() else "came back with other bytes"


def _file(model: Model) -> bytes:
    """The bytes that the interchange file must have."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "wanted.safetensors")
        write_file(path, *model)
        return path.read_bytes()
