"""Running users' own networks, each framework in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from conformance.implementations.errors import ImplementationRaised
from conformance.implementations.process import ProcessImplementation
from conformance.parity.own.baseline import Baseline
from conformance.parity.own.record import Record
from weights import GhostError
from weights.files.storage import read_safetensors
from weights.frameworks import FRAMEWORKS

# The input where nothing is said of it.
SHAPE = (2, 3, 32, 32)
# Runs of the reference on inputs in which every number is moved by a rounding or not.
PERTURBED = 2
X = "x"
Inputs = Sequence[np.ndarray]


@dataclass(frozen=True)
class Question:
    """The networks that are compared, and how.

    `targets` are `package.module:function` by framework; `file` is loaded into each of them, the
    weights of the first where it is None, nothing where they are to stay `as_built`.
    """

    targets: Mapping[str, str]
    inputs: Inputs = field(repr=False)
    file: Path | None = None
    as_built: bool = False
    rename: Mapping[str, str] = field(default_factory=dict)
    flatten: Mapping[str, Sequence[int]] = field(default_factory=dict)
    training: bool = False


@dataclass(frozen=True)
class Answer:
    """The runs of the reference, and those of the other networks."""

    baseline: Baseline
    others: tuple[Record, ...]
    versions: Mapping[str, str]


class Network(ProcessImplementation):
    """A user's network in the process of its framework."""

    def __init__(self, framework: str, target: str, seconds: float) -> None:
        super().__init__(f"{FRAMEWORKS[framework].package}.recording.recorder:build", seconds)
        self.framework = framework
        self.target = target
        self.config: dict[str, Any] = {}

    def record(self, inputs: Inputs, **options: bool) -> Record:
        """Run it, and read what its process recorded; raises `GhostError` for code that raises."""
        sent = self._ask_for("record", inputs=list(inputs), **options)
        return Record.read(self.framework, sent)

    def carry(self, inputs: Inputs, path: Path) -> None:
        """Write the weights that the user's function gave it."""
        self._ask_for("carry", inputs=list(inputs), path=str(path))

    def _ask_for(self, request: str, **arguments: Any) -> Any:
        description = {"architecture": self.target, "config": self.config, "weights": {}}
        try:
            return self._request(request, description | arguments)
        except ImplementationRaised as error:
            if error.is_ghost_error:
                raise GhostError(f"{self.framework}: {error.text}") from None
            raise


def ask(question: Question, seconds: float, jobs: int) -> Answer:
    """Run every network of a question; each request may take `seconds`.

    Raises `GhostError` for code of the user's that raises, and `ImplementationError` where a
    process gives no result.
    """
    with ExitStack() as stack:
        networks = [Network(name, of, seconds) for name, of in question.targets.items()]
        for network in networks:
            stack.callback(network.close)
        with _weights(question, networks[0]) as file:
            for network in networks:
                network.config = _config(question, file)
            return _run(question, networks, jobs)


def _config(question: Question, file: Path | None) -> dict[str, Any]:
    """The arguments of a recorder, as they are sent."""
    return {
        "weights": None if file is None else str(file),
        "rename": dict(question.rename),
        "flatten": {path: list(sizes) for path, sizes in question.flatten.items()},
    }


def _run(question: Question, networks: Sequence[Network], jobs: int) -> Answer:
    options = {"training": question.training}
    with ThreadPoolExecutor(jobs) as pool:
        plain = list(pool.map(lambda network: network.record(question.inputs, **options), networks))
    reference, exact = 0, plain[0]
    for index, network in enumerate(networks):
        found = _in_double(network, question.inputs, options)
        if found is not None:
            reference, exact = index, found
            break
    runs = [
        networks[reference].record(_moved(question.inputs, seed), **options)
        for seed in range(PERTURBED)
    ]
    baseline = Baseline(exact, plain[reference], tuple(runs))
    others = tuple(record for index, record in enumerate(plain) if index != reference)
    versions = {name: text for network in networks for name, text in network.versions.items()}
    return Answer(baseline, others, versions)


def _in_double(network: Network, inputs: Inputs, options: Mapping[str, bool]) -> Record | None:
    """The record in float64, None of a network that cannot compute in it."""
    try:
        record = network.record(inputs, double=True, **options)
    except GhostError:
        return None
    return record if record.double else None


def _moved(inputs: Inputs, seed: int) -> list[np.ndarray]:
    """The inputs, every number of which is one rounding further up or down, or is not."""
    generator = np.random.Generator(np.random.PCG64(seed))
    found = []
    for x in inputs:
        if x.dtype.kind == "f":
            towards = generator.choice([-np.inf, 0, np.inf], x.shape).astype(x.dtype)
            x = np.where(towards == 0, x, np.nextafter(x, towards))
        found.append(x)
    return found


@contextmanager
def _weights(question: Question, first: Network) -> Iterator[Path | None]:
    """The file that every network loads."""
    if question.as_built or question.file is not None:
        yield question.file
        return
    with tempfile.TemporaryDirectory() as folder:
        first.config = _config(question, None)
        path = Path(folder) / "first.safetensors"
        first.carry(question.inputs, path)
        yield path


def make_inputs(path: Path | None, shape: Sequence[int] | None, seed: int) -> list[np.ndarray]:
    """The input of a file, `x` or `x0`, `x1`, ..., or random numbers of that shape."""
    if path is None:
        generator = np.random.Generator(np.random.PCG64(seed))
        return [generator.normal(size=shape or SHAPE).astype(np.float32)]
    arrays, _ = read_safetensors(path)
    names = [X] if X in arrays else sorted(arrays, key=lambda name: (len(name), name))
    if not names or not all(name.startswith(X) for name in names):
        raise GhostError(
            f"{path} must hold `x`, or `x0`, `x1`, ... for a network of several inputs, got "
            f"{', '.join(arrays) or 'nothing'}"
        )
    return [arrays[name] for name in names]
