"""Time and memory against the number of tensors, which ought to be straight lines."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

import weights
from benchmarks.measure import Row, emit, spread
from conformance.cases.case import Case
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.tiers.family import FamilyTier
from weights.commands.cli import main as ghost_weights
from weights.networks.custom import CUSTOM
from weights.networks.variants import expand

# Tensors of networks that users make of so many layers; those of one layer.
COUNTS = (500, 1000, 2000, 3500, 5000)
OF_A_LAYER = 10
CHANNELS = 4
# Where each framework has its `Sequential`.
CONTAINERS = {"torch": "torch.nn", "jax": "flax.nnx", "tf": "keras"}
NETWORKS = ("ghostnet_100", "ghostnetv2_160", "ghostnetv3_100", "ghostnetv3_160")
# What the conformance suite judges: its time depends on what is computed too, hence one size.
JUDGED = ("ghost_resnet20", "ghostnet", "ghostnetv2", "ghostnetv3")
IMAGES = (1, 3, 33, 33)
ROUNDS = 3


def growth(framework: str, *, quick: bool) -> None:
    """Every operation for users' networks of more and more layers, and for published ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.safetensors")
        for count in COUNTS[:2] if quick else COUNTS:
            for what, run in operations(framework, CUSTOM, count, path):
                emit(measured(framework, f"{CUSTOM} of {count} tensors", what, run))
        for name in () if framework == "numpy" or quick else NETWORKS:
            architecture, config = expand(name, {})
            count = len(list(weights.configure(architecture, config).tensors()))
            for what, run in operations(framework, name, count, path):
                emit(measured(framework, f"{name} of {count} tensors", what, run))
    for architecture in JUDGED if framework == "numpy" else ():
        emit(judged(architecture))


def judged(architecture: str) -> list[Row]:
    """What a small network costs the conformance suite: its right answers and their errors."""
    width = {"width": 0.1} if "width" in weights.configure(architecture, {}).to_dict() else {}
    config = weights.configure(architecture, width)
    case = Case(architecture, "family", architecture, config.to_dict(), IMAGES, "scaled")
    tier, count = FamilyTier(), len(list(config.tensors()))
    name = f"{architecture} of {count} tensors"
    return measured("numpy", name, "judge", lambda: tier.compute_reference(case, UNIT_ROUNDOFF))


def operations(
    framework: str, name: str, count: int, path: Path
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is done with a network and its file, each after what it needs."""
    if framework == "numpy":
        contents = custom_contents(count)
        yield "save", lambda: weights.write_file(path, *contents, overwrite=True)
        yield "load", lambda: weights.read_file(path)
        for command in ("inspect", "verify"):
            yield command, lambda command=command: called(command, str(path))
        return
    package = importlib.import_module(f"ghost_{framework}")
    built = []
    yield "construct", lambda: built.append(network(framework, package, name, count))
    yield "save", lambda: package.save_weights(built[-1], path, overwrite=True)
    yield "load", lambda: package.load_weights(built[-1], path)


def network(framework: str, package: Any, name: str, count: int) -> Any:
    """A network with its variables: a published one, or a chain of layers."""
    module = importlib.import_module(CONTAINERS[framework])
    options = {"rngs": module.Rngs(0)} if framework == "jax" else {}
    if name == CUSTOM:
        layers = [
            package.GhostConv(CHANNELS, CHANNELS, **options) for _ in range(count // OF_A_LAYER)
        ]
        made = module.Sequential(layers) if framework == "tf" else module.Sequential(*layers)
    else:
        made = getattr(package, name)(**options)
    if framework == "tf":
        made.build((None, 64, 64, CHANNELS if name == CUSTOM else 3))
    return made


def custom_contents(count: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Architecture, configuration and tensors of a user's network."""
    layer = weights.configure("ghost_conv", {"c_in": CHANNELS, "c_out": CHANNELS})
    modules = [
        {"path": f"layers.{index}", "kind": "ghost_conv", "config": layer.to_dict()}
        for index in range(count // OF_A_LAYER)
    ]
    config = {"modules": modules}
    specs = weights.configure(CUSTOM, config).tensors()
    return CUSTOM, config, {spec.name: np.ones(spec.shape, np.float32) for spec in specs}


def called(*arguments: str) -> None:
    """A command of `ghost-weights`, whose output nobody reads."""
    with contextlib.redirect_stdout(io.StringIO()):
        ghost_weights(arguments, standalone_mode=False)


def measured(framework: str, name: str, what: str, run: Callable[[], Any]) -> list[Row]:
    """Milliseconds of processor time, and the most memory of Python and NumPy beyond the start."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        started = process_time()
        run()
        times.append((process_time() - started) * 1e3)
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    case = (framework, "growth", name, what)
    return [
        Row(*case, "time", round(median(times), 2), round(spread(times), 2)),
        Row(*case, "memory", round(peak, 2), 0.0, "MB"),
    ]
