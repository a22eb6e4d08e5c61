"""Steps of the default run have values well beyond every corner of every activation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import pytest

from conformance.cases.model import step_inputs
from conformance.oracle import attention, layers, weights_io
from conformance.oracle.training import train_step
from conformance.tiers import TrainingTier

CORNERS = {
    "relu": (0,), "relu6": (0, 6), "hard_swish": (-3, 3), "hard_sigmoid": (-3, 3),
}  # fmt: skip
MARGIN, FEWEST = 0.1, 10


def recording(name: str, right: Callable[[Any], Any], seen: dict[str, list[np.ndarray]]) -> Any:
    @wraps(right)  # its name, by which facts about modules are remembered
    def record(x: Any) -> Any:
        seen.setdefault(name, []).append(np.ravel(getattr(x, "value", x)))
        return right(x)

    return record


@pytest.fixture(scope="module")
def arguments() -> dict[str, np.ndarray]:
    """The arguments that every activation has in the usual steps."""
    seen: dict[str, list[np.ndarray]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, right in layers.ACTIVATIONS.items():
            patch.setitem(layers.ACTIVATIONS, name, recording(name, right, seen))
        gate = recording("hard_sigmoid", layers.hard_sigmoid, seen)
        patch.setattr(attention, "hard_sigmoid", gate)
        for case in TrainingTier().cases():
            model, x, cotangent = step_inputs(case)
            train_step(weights_io.build(*model.astype(np.float32)), x, cotangent)
    return {name: np.concatenate(arrays) for name, arrays in seen.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "corner"), [(name, corner) for name, found in CORNERS.items() for corner in found]
)
def test_both_sides_of_a_corner_are_seen(
    name: str, corner: float, arguments: dict[str, np.ndarray]
) -> None:
    assert (arguments[name] < corner - MARGIN).sum() >= FEWEST
    assert (arguments[name] > corner + MARGIN).sum() >= FEWEST
