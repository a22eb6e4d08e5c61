"""The cases of training on several replicas: how a batch is shared, and whose statistics count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.cases.case import Case
from conformance.cases.family import STRIDED
from conformance.cases.model import Model, make_model, output_cotangent
from conformance.cases.tensors import DISTRIBUTIONS
from weights import configure
from weights.columns.replicas import FIRST, GLOBAL, MEAN, ReplicaRun

STEPS = 5
# So small that five steps leave the gradients what they were in size.
RATE = 0.01


@dataclass(frozen=True)
class Row:
    """A module, height and width of its images, the images of each replica, and the statistics."""

    name: str
    architecture: str
    config: Mapping[str, Any] = field(hash=False)
    size: tuple[int, int]
    shares: tuple[int, ...]
    data: str = "normal"
    statistics: str = GLOBAL


LAYER = {"c_in": 3, "c_out": 8, "kernel_size": 3, "padding": 1}
# Of an image of 3x3 it makes one value, whose replica has no variance of its own.
POINT = {"c_in": 3, "c_out": 8, "kernel_size": 3, "dw_kernel_size": 1}
# As deep as XLA compiles for several devices in seconds.
BLOCKS = {"c1": 8, "c2": 16, "n": 1}

ROWS = {
    f"{row.architecture}-{row.name}": row
    for row in (
        Row("two", "ghost_conv", LAYER, (9, 7), (3, 3)),
        Row("four", "ghost_conv", LAYER, (9, 7), (2, 2, 2, 2)),
        Row("one-image-each", "ghost_conv", LAYER, (9, 7), (1, 1)),
        Row("one-value-each", "ghost_conv", POINT, (3, 3), (1, 1, 1, 1)),
        Row("uneven", "ghost_conv", LAYER, (9, 7), (4, 3)),
        Row("one-image-beside", "ghost_conv", LAYER, (9, 7), (3, 1)),
        Row("two", "ghost_bottleneck", STRIDED, (9, 10), (2, 2), "scaled"),
        Row("two", "c3_ghost", BLOCKS, (7, 6), (2, 2), "scaled"),
        Row("statistics-of-the-first", "ghost_conv", LAYER, (9, 7), (3, 3), statistics=FIRST),
        Row("mean-of-statistics", "ghost_conv", LAYER, (9, 7), (3, 3), statistics=MEAN),
    )
}  # fmt: skip


def replica_cases(tier: str) -> Iterator[Case]:
    """A case for every row."""
    for name, row in ROWS.items():
        config = configure(row.architecture, row.config)
        shape = (sum(row.shares), config.input_channels, *row.size)
        yield Case(name, tier, row.architecture, config.to_dict(), shape, row.data)


def run_of(case: Case) -> tuple[Model, ReplicaRun]:
    """The module of a case, and the training that is asked for."""
    model, _ = make_model(case)
    row = ROWS[case.id]
    steps = tuple(_step(case, number) for number in range(STEPS))
    return model, ReplicaRun(steps, row.shares, RATE, row.statistics)


def _step(case: Case, number: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.Generator(np.random.PCG64([case.seed, number]))
    inputs = DISTRIBUTIONS[case.data].inputs(generator, case.input_shape)
    x = np.asarray(inputs, np.float32)
    return x, output_cotangent(case.architecture, case.config, x, case.seed + number)
