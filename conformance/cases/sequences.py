"""The sequences: what one object is asked for in turn.

Its sizes are those of other tiers where they can be, since a new shape costs a compilation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from conformance.cases import files
from conformance.cases.case import Case
from conformance.cases.family import STRIDED, V2
from conformance.cases.model import Model, make_model, output_cotangent
from conformance.cases.tensors import DISTRIBUTIONS
from weights import configure

CALL, STEP, LOAD, REFUSE = "call", "train_step", "load", "refuse"
# Those that get a file, where the others get an input.
OF_FILES = (LOAD, REFUSE)
# A drift shows at the latest here, and so does a memory of what was asked for before.
MANY_CALLS = 104


class Use(NamedTuple):
    """A use of the object: its method, and size (N, H, W) and number of the input that it gets.

    The same number of the same size is the same input. `load` gets a file of other weights, and
    `refuse` one that must not be loaded.
    """

    method: str
    size: tuple[int, int, int] = (0, 0, 0)
    number: int = 0
    file: str = files.PLAIN


class Given(NamedTuple):
    """A use with the arrays that it is given, by the names of arguments, or the model to load.

    `file` says which file of the model that is.
    """

    method: str
    arrays: Mapping[str, np.ndarray]
    model: Model
    file: str


@dataclass(frozen=True)
class Row:
    """A module, the distribution of its data, and what one object of it is asked for in turn."""

    name: str
    architecture: str
    config: Mapping[str, Any] = field(hash=False)
    data: str
    uses: tuple[Use, ...]


LAYER = {"c_in": 3, "c_out": 16, "kernel_size": 3, "padding": 1}
SIZE, EVEN = (2, 9, 7), (2, 12, 10)
GATED, GATED_SIZE = V2 | {"split": "ceil"}, (2, 7, 7)
BLOCK_SIZE = (2, 9, 10)


def _calls(*inputs: tuple[tuple[int, int, int], int]) -> tuple[Use, ...]:
    return tuple(Use(CALL, size, number) for size, number in inputs)


SEQUENCES = (
    Row(
        "sizes", "ghost_conv", LAYER, "normal",
        _calls((SIZE, 0), ((1, 9, 7), 1), ((5, 9, 7), 2), (EVEN, 3), (SIZE, 4), (SIZE, 0)),
    ),
    Row(
        "many-calls", "ghost_conv", LAYER, "normal",
        _calls(*[(SIZE, number % 5) for number in range(MANY_CALLS)]),
    ),
    Row(
        "steps", "ghost_conv", LAYER, "normal",
        (
            *_calls((SIZE, 0)), Use(STEP, SIZE, 1), *_calls((SIZE, 0)), Use(STEP, SIZE, 2),
            Use(STEP, SIZE, 1), *_calls((SIZE, 3), (SIZE, 0)),
            *[Use(STEP, SIZE, number) for number in range(4, 8)], *_calls((SIZE, 0)),
        ),
    ),
    Row(
        "steps-of-sizes", "ghost_conv", LAYER, "normal",
        (Use(STEP, SIZE, 0), Use(STEP, (3, 9, 7), 1), Use(STEP, SIZE, 0), *_calls((SIZE, 2))),
    ),
    Row(
        "load", "ghost_conv", LAYER, "normal",
        (*_calls((SIZE, 0)), Use(LOAD), *_calls((SIZE, 0), (SIZE, 1))),
    ),
    Row(
        "load-annotated", "ghost_conv", LAYER, "normal",
        (Use(LOAD, file=files.NOTED), *_calls((SIZE, 0))),
    ),
    Row(
        "load-newer", "ghost_conv", LAYER, "normal",
        (Use(LOAD, file=files.NEWER), *_calls((SIZE, 0))),
    ),
    Row(
        "load-refused", "ghost_conv", LAYER, "normal",
        (
            *_calls((SIZE, 0)), *[Use(REFUSE, file=name) for name in files.DAMAGED],
            *_calls((SIZE, 0), (SIZE, 1)),
        ),
    ),
    Row(
        "load-after-a-step", "ghost_conv", LAYER, "normal",
        (Use(STEP, SIZE, 0), Use(LOAD), *_calls((SIZE, 1)), Use(STEP, SIZE, 0)),
    ),
    Row(
        "sizes", "ghost_conv_v2", GATED, "scaled",
        _calls((GATED_SIZE, 0), ((1, 5, 11), 1), (GATED_SIZE, 2)),
    ),
    Row(
        "steps", "ghost_bottleneck", STRIDED, "scaled",
        (*_calls((BLOCK_SIZE, 0)), Use(STEP, BLOCK_SIZE, 1), Use(STEP, BLOCK_SIZE, 2),
         *_calls((BLOCK_SIZE, 0))),
    ),
)  # fmt: skip

ROWS = {f"{row.architecture}-{row.name}": row for row in SEQUENCES}


def sequence_cases(tier: str) -> Iterator[Case]:
    """A case for every sequence."""
    for name, row in ROWS.items():
        config = configure(row.architecture, row.config)
        batch, height, width = next(use.size for use in row.uses if use.method not in OF_FILES)
        shape = (batch, config.input_channels, height, width)
        yield Case(name, tier, row.architecture, config.to_dict(), shape, row.data)


def uses_of(case: Case) -> Iterator[Given]:
    """The uses of a case, with what each is given."""
    other, _ = make_model(replace(case, id=f"{case.id}-loaded"))
    for method, (batch, height, width), number, file in ROWS[case.id].uses:
        arrays = {}
        if method not in OF_FILES:
            shape = (batch, case.input_shape[1], height, width)
            generator = np.random.Generator(np.random.PCG64([case.seed, number]))
            x = DISTRIBUTIONS[case.data].inputs(generator, shape).astype(np.float32)
            arrays["x"] = x
        if method == STEP:
            seed = case.seed + number
            arrays["output_cotangent"] = output_cotangent(case.architecture, case.config, x, seed)
        yield Given(method, arrays, other, file)
