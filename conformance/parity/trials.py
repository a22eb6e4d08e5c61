"""The trials of a parity run: weights and an input, with the reference of every comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from conformance.cases.model import Model
from conformance.implementations.errors import shorten
from conformance.judging.stages import (
    BATCH,
    Reference,
    is_network,
    oracle_run,
    smallest_input,
    stage_names,
)
from conformance.parity.randomised import randomise
from conformance.parity.references import is_weight_file, read_input, read_recorded
from weights import Config, GhostError, WeightFile, configure, read_file
from weights.tensors import RUNNING_VAR
from weights.text import printable

GIVEN, RANDOMISED, REFERENCE = "given", "randomised", "reference"
IMAGES = 2
Size = tuple[int, int]
# A network for small images sees its own size, the others a square and an odd one.
SMALL_SIZE: Size = (32, 32)
SIZES: tuple[Size, ...] = ((96, 96), (65, 97))
# Rows and columns that a layer sees beyond the smallest map that it takes.
LAYER_MARGIN = (8, 11)


@dataclass(frozen=True, eq=False)
class Trial:
    """A model and an input x: (N, C, H, W), and the reference of each comparison by its name."""

    label: str
    model: Model = field(repr=False)
    x: np.ndarray = field(repr=False)
    wanted: Mapping[str, Reference]


@dataclass(frozen=True)
class Experiment:
    """A weight file, its stages in the order of the network, its trials, and notes for the user."""

    file: WeightFile
    stages: tuple[str, ...]
    trials: tuple[Trial, ...]
    notes: tuple[str, ...]


def prepare_experiment(
    path: Path, *, images: Path | None = None, reference: Path | None = None,
    size: Size | None = None, seed: int = 0,
) -> Experiment:  # fmt: skip
    """The experiment on the weight file at `path`.

    `images` is a file with the input, which is random otherwise, of `size` (height, width) and
    `seed`; `reference` is the right weight file, or a file with recorded outputs and their inputs.
    Raises `GhostError` where a file is refused, or the module cannot take the input.
    """
    file = read_file(path, allow_invalid=True)
    stages = stage_names(file.architecture, file.config)
    if reference is not None and not is_weight_file(reference):
        if images is not None or size is not None:
            raise GhostError(f"{reference} has inputs of its own: give no other input, and no size")
        trials, notes = _recorded_trials(file, reference, stages)
    else:
        right = None if reference is None else _read_right_file(file, reference)
        trials = [_trial(file, right, *each) for each in _inputs(file, images, size, seed)]
        notes = _blind_spots(right or file, reference or path)
    return Experiment(file, stages, (*trials, *_randomised_trials(file, trials, seed)), notes)


def default_sizes(architecture: str, config: Config) -> tuple[Size, ...]:
    """The heights and widths of inputs that suit an architecture."""
    if not is_network(architecture):
        height, width = smallest_input(config).shape[2:]
        return ((height + LAYER_MARGIN[0], width + LAYER_MARGIN[1]),)
    return (SMALL_SIZE,) if config.default_size == SMALL_SIZE else SIZES


def _inputs(
    file: WeightFile, images: Path | None, size: Size | None, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Every input (N, C, H, W) by a label."""
    if images is not None:
        if size is not None:
            raise GhostError(f"{images} has a size of its own: give no other")
        yield printable(images.stem), read_input(images, file)
        return
    config = configure(file.architecture, file.config)
    for height, width in (size,) if size else default_sizes(file.architecture, config):
        generator = np.random.Generator(np.random.PCG64([seed, height, width]))
        x = generator.normal(size=(IMAGES, config.input_channels, height, width))
        yield f"{height}x{width}", x.astype(np.float32)


def _trial(file: WeightFile, right: WeightFile | None, label: str, x: np.ndarray) -> Trial:
    files = {GIVEN: file} | ({REFERENCE: right} if right else {})
    wanted = {name: oracle_run(Model.of(each), x).reference() for name, each in files.items()}
    return Trial(label, Model.of(file).astype(np.float32), x, wanted)


def _recorded_trials(
    file: WeightFile, reference: Path, stages: tuple[str, ...]
) -> tuple[list[Trial], tuple[str, ...]]:
    """A trial for every input of the records, and a note of what no stage is called."""
    trials: list[Trial] = []
    unknown: dict[str, None] = {}
    model = Model.of(file).astype(np.float32)
    for recorded in read_recorded(reference, file, stages):
        run = oracle_run(Model.of(file), recorded.x)
        wanted = {GIVEN: run.reference(), REFERENCE: recorded.reference(run)}
        trials.append(Trial(recorded.label, model, recorded.x, wanted))
        unknown |= dict.fromkeys(recorded.unknown)
    note = f"{reference} records what is no stage, and was not compared: {', '.join(unknown)}"
    return trials, (shorten(note),) if unknown else ()


def _randomised_trials(file: WeightFile, given: list[Trial], seed: int) -> Iterator[Trial]:
    """The inputs again, with every batch normalisation drawn anew; none where there are none."""
    config = configure(file.architecture, file.config)
    if not any(spec.kind == RUNNING_VAR for spec in config.tensors()):
        return
    model = randomise(Model.of(file), given[0].x[:BATCH], seed)
    for trial in given:
        run = oracle_run(model, trial.x)
        yield Trial(trial.label, model, trial.x, {RANDOMISED: run.reference()})


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
    ending, tensors = ".running_var", file.tensors
    norms = [name.removesuffix(ending) for name in tensors if name.endswith(ending)]
    blind = [
        norm
        for norm in norms
        if np.array_equal(tensors[f"{norm}.weight"], tensors[f"{norm}.running_var"])
        or np.array_equal(tensors[f"{norm}.bias"], tensors[f"{norm}.running_mean"])
    ]
    if not blind:
        return ()
    return (
        f"{len(blind)} of {len(norms)} batch normalisations of {path} are as freshly made, first "
        f"{blind[0]}: weight and variance, or bias and mean, could change places unseen in all but "
        f"the comparison `{RANDOMISED}`, which tells nothing of an import",
    )
