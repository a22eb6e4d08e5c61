"""Networks for the tests of parity, right ones, and parity of them without a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.model import Model
from conformance.judging.stages import oracle_run
from conformance.judging.verdict import Verdict
from conformance.oracle import adapter
from conformance.parity.randomised import randomise
from conformance.parity.tier import Difference, ParityTier
from conformance.parity.trials import prepare_experiment
from tests.porting_faults import Network
from tests.reference_files import reference_file
from weights import configure, write_file
from weights.files.storage import read_safetensors, write_safetensors
from weights.importers import import_file

TIMM_STATE = "peers/timm_ghostnet_050.state_dict.safetensors"
TIMM_CASES = "peers/timm_ghostnet_050.cases.safetensors"
TRAINED = "trained/ghost_resnet56_cifar10.safetensors"
SMALL_CASE = "2x3x96x96."


class InProcess:
    """An implementation without a process of its own."""

    name = "ours"

    def __init__(self, build: Callable[..., Any] = adapter.build) -> None:
        self.build = build

    def taps(self, model: Model, x: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(all="ignore"):
            return self.build(*model).taps(x)


def parity(path: Path, process: InProcess, **options: Any) -> tuple[ParityTier, list[Difference]]:
    """The first differences of an implementation, by comparison."""
    tier = ParityTier(prepare_experiment(path, **options))
    verdicts = []
    for case in tier.cases():
        found = tier.judge(case, process)  # type: ignore[arg-type]
        verdict = Verdict(
            found.status, found.ratio, case=case.id, tier=tier.name, implementation=process.name
        )
        verdicts.append(verdict)
    return tier, tier.first_differences(verdicts)


def first_stages(path: Path, process: InProcess, **options: Any) -> dict[str, str]:
    """The first stage that differs, by comparison."""
    _, differences = parity(path, process, **options)
    return {difference.place.comparison: difference.place.stage for difference in differences}


def fresh_resnet() -> Network:
    """A network as it is made: batch normalisations that do nothing yet."""
    generator = np.random.Generator(np.random.PCG64(7))
    tensors = {}
    for spec in configure("ghost_resnet20", {}).tensors():
        scale = 1 / np.sqrt(np.prod(spec.shape[1:])) if len(spec.shape) > 1 else 0.1
        drawn = scale * generator.uniform(-1, 1, spec.shape)
        if spec.kind.startswith(("norm", "running")):
            drawn = np.full(spec.shape, float(spec.kind in ("norm_weight", "running_var")))
        tensors[spec.name] = drawn.astype(np.float32)
    return Network("ghost_resnet20", configure("ghost_resnet20", {}).to_dict(), tensors)


def used_resnet() -> Network:
    """A network whose statistics are of data, with no two vectors alike."""
    fresh = fresh_resnet()
    x = np.random.Generator(np.random.PCG64(8)).normal(size=(4, 3, 32, 32))
    return Network(*randomise(Model.of(fresh), x, seed=9))


@cache
def right(name: str) -> Network:
    """The network that a faultless import gives."""
    if name == "ghost_resnet20":
        return used_resnet()
    source = {"ghost_resnet56": TRAINED, "ghostnet": TIMM_STATE}[name]
    imported = import_file(reference_file(source), "timm")
    return Network(imported.architecture, imported.config, imported.tensors)


def write(network: Network, folder: Path, name: str = "file") -> Path:
    path = folder / f"{name}.safetensors"
    write_file(path, network.architecture, network.config, network.tensors)
    return path


def record(network: Network, folder: Path) -> Path:
    """Every stage of the source for an input, as recorded outputs."""
    x = np.random.Generator(np.random.PCG64(10)).normal(size=(2, 3, 32, 32)).astype(np.float32)
    run = oracle_run(Model.of(network), x)
    arrays = {f"a case.{stage}": value for stage, value in run.exact.items()}
    path = folder / "recorded.safetensors"
    write_safetensors(path, arrays | {"a case.input": x}, {"about": "recorded"})
    return path


def timm_records(folder: Path) -> Path:
    """The outputs that timm recorded for its small case."""
    arrays, _ = read_safetensors(reference_file(TIMM_CASES))
    kept = {key: array for key, array in arrays.items() if key.startswith(SMALL_CASE)}
    path = folder / "recorded.safetensors"
    write_safetensors(path, kept, {"about": "recorded"})
    return path
