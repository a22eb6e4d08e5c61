"""What parity runs: weights and an input, with what every comparison wants of the stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.implementations.errors import shorten
from conformance.judging.stages import (
    BATCH,
    Reference,
    in_dtype,
    input_channels,
    is_network,
    oracle_run,
    smallest_input,
    stage_names,
)
from conformance.parity.randomised import randomise
from conformance.parity.references import is_weight_file, read_input, read_recorded
from weights import Config, GhostError, WeightFile, configure, read_file
from weights.shown import printable
from weights.tensors import RUNNING_VAR

GIVEN, RANDOMISED, REFERENCE = "given", "randomised", "reference"
IMAGES = 2
Size = tuple[int, int]
# Networks for images of 32 x 32; the others see a square and an odd size.
SMALL_NETWORKS = ("ghost_resnet", "ghost_vgg")
SMALL_SIZES: tuple[Size, ...] = ((32, 32),)
SIZES: tuple[Size, ...] = ((96, 96), (65, 97))
# What a layer sees beyond the smallest map that it takes.
LAYER_ROOM = (8, 11)


@dataclass(frozen=True, eq=False)
class Trial:
    """Weights and an input, and what each comparison wants of the stages."""

    label: str
    weights: Tensors = field(repr=False)
    x: np.ndarray = field(repr=False)
    wanted: Mapping[str, Reference]


@dataclass(frozen=True)
class Plan:
    """The file, everything that will be run of it, and what the user should know of that."""

    file: WeightFile
    names: tuple[str, ...]
    trials: tuple[Trial, ...]
    notes: tuple[str, ...]


def prepare_experiment(
    path: Path,
    *,
    images: Path | None = None,
    reference: Path | None = None,
    size: Size | None = None,
    seed: int = 0,
) -> Plan:
    """Everything that parity runs of the weight file at `path`.

    Raises `GhostError` where a file is refused, or the module cannot take the input.
    """
    file = read_file(path, allow_invalid=True)
    names = stage_names(file.architecture, file.config)
    if reference is not None and not is_weight_file(reference):
        if images is not None or size is not None:
            raise GhostError(f"{reference} has inputs of its own: give no other input, and no size")
        given, notes = _against_records(file, reference, names)
    else:
        inputs = dict(_inputs(file, images, size, seed))
        right = None if reference is None else _read_right_file(file, reference)
        given, notes = _against_file(file, inputs, right), ()
        notes += _blind_spots(right or file, reference or path)
    drawn = tuple(_randomised(file, {trial.label: trial.x for trial in given}, seed))
    return Plan(file, names, (*given, *drawn), notes)


def default_sizes(architecture: str, config: Config) -> tuple[Size, ...]:
    """The heights and widths of inputs that suit an architecture."""
    if architecture.startswith(SMALL_NETWORKS):
        return SMALL_SIZES
    if is_network(architecture):
        return SIZES
    height, width = smallest_input(config).shape[2:]
    return ((height + LAYER_ROOM[0], width + LAYER_ROOM[1]),)


def _inputs(
    file: WeightFile, images: Path | None, size: Size | None, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    if images is not None:
        if size is not None:
            raise GhostError(f"{images} has a size of its own: give no other")
        yield printable(images.stem), read_input(images, file)
        return
    config = configure(file.architecture, file.config)
    for height, width in (size,) if size else default_sizes(file.architecture, config):
        generator = np.random.Generator(np.random.PCG64([seed, height, width]))
        x = generator.normal(size=(IMAGES, input_channels(config), height, width))
        yield f"{height}x{width}", x.astype(np.float32)


def _against_file(
    file: WeightFile, inputs: Mapping[str, np.ndarray], right: WeightFile | None
) -> tuple[Trial, ...]:
    return tuple(
        Trial(
            label,
            in_dtype(file.tensors, np.float32),
            x,
            {GIVEN: _stages(file, x)} | ({REFERENCE: _stages(right, x)} if right else {}),
        )
        for label, x in inputs.items()
    )


def _against_records(
    file: WeightFile, reference: Path, names: tuple[str, ...]
) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    trials: list[Trial] = []
    unknown: dict[str, None] = {}
    weights = in_dtype(file.tensors, np.float32)
    for recorded in read_recorded(reference, file, names):
        run = oracle_run(file.architecture, file.config, file.tensors, recorded.x)
        wanted = {GIVEN: run.stages(), REFERENCE: recorded.stages(run)}
        trials.append(Trial(recorded.label, weights, recorded.x, wanted))
        unknown |= dict.fromkeys(recorded.unknown)
    note = f"{reference} records what is no stage, and was not compared: {', '.join(unknown)}"
    return tuple(trials), (shorten(note),) if unknown else ()


def _randomised(file: WeightFile, inputs: Mapping[str, np.ndarray], seed: int) -> Iterator[Trial]:
    config = configure(file.architecture, file.config)
    if not any(spec.kind == RUNNING_VAR for spec in config.tensors()):
        return
    first = next(iter(inputs.values()))[:BATCH]
    weights = randomise(file.architecture, file.config, file.tensors, first, seed)
    for label, x in inputs.items():
        run = oracle_run(file.architecture, file.config, weights, x)
        yield Trial(label, weights, x, {RANDOMISED: run.stages()})


def _stages(file: WeightFile, x: np.ndarray) -> Reference:
    return oracle_run(file.architecture, file.config, file.tensors, x).stages()


def _read_right_file(file: WeightFile, path: Path) -> WeightFile:
    right = read_file(path, allow_invalid=True)
    if right.architecture != file.architecture:
        raise GhostError(
            f"{path} holds a {right.architecture}, and must hold a {file.architecture}: give the "
            "right file of the same network"
        )
    return right


def _blind_spots(file: WeightFile, path: Path) -> tuple[str, ...]:
    """A note where vectors of a batch normalisation could change places unseen."""
    norms = [name.removesuffix(".running_var") for name in file.tensors if _is_variance(name)]
    blind = [norm for norm in norms if _has_equal_vectors(file.tensors, norm)]
    if not blind:
        return ()
    return (
        f"{len(blind)} of {len(norms)} batch normalisations of {path} are as freshly made, first "
        f"{blind[0]}: weight and variance, or bias and mean, could change places unseen in all but "
        f"the comparison `{RANDOMISED}`, which tells nothing of an import",
    )


def _is_variance(name: str) -> bool:
    return name.endswith(".running_var")


def _has_equal_vectors(tensors: Tensors, norm: str) -> bool:
    pairs = (("weight", "running_var"), ("bias", "running_mean"))
    return any(
        np.array_equal(tensors[f"{norm}.{one}"], tensors[f"{norm}.{other}"]) for one, other in pairs
    )
