"""Objects of this project's own packages, which the weights of the next model may replace."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from conformance.cases.model import Model, make_model
from conformance.implementations.worker import Worker
from conformance.tiers import ModuleTier
from tests.columns import Column, in_every_column

# Two data sets of a module, and another module.
CASES = [ModuleTier().cases()[index] for index in (0, 1, 6)]
(MODEL, X), (OTHER, _), (ELSE, _) = map(make_model, CASES)


class Scale:
    """Multiplies by its weights, and counts how often an object was made."""

    made = 0

    def __init__(self, architecture: str, config: Any, weights: Any) -> None:
        type(self).made += 1
        self.weights = weights

    def replace_weights(self, weights: Any) -> None:
        self.weights = weights

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x * next(iter(self.weights.values())).flat[0])

    def load(self, path: str) -> None:
        pass


def worker(**options: Any) -> Worker:
    Scale.made = 0
    return Worker(Scale, **options)


def call(of: Worker, model: Model) -> np.ndarray:
    return of.call(np.ones((1, 1, 1, 1), np.float32), **model._asdict())


def test_the_models_of_a_module_are_judged_on_one_object() -> None:
    refilled, built = worker(refill=True), worker()
    outputs = [call(refilled, model) for model in (MODEL, OTHER, ELSE, MODEL)]

    assert Scale.made == 3
    assert outputs == [call(built, model) for model in (MODEL, OTHER, ELSE, MODEL)]
    assert Scale.made == 7


def test_what_a_file_may_have_changed_is_not_refilled() -> None:
    of = worker(refill=True)
    call(of, MODEL)
    of.in_turn([("load", {"path": ""})], **MODEL._asdict())
    call(of, OTHER)

    assert Scale.made == 3


def test_what_took_no_weights_is_not_refilled(monkeypatch: pytest.MonkeyPatch) -> None:
    of = worker(refill=True)
    call(of, MODEL)
    monkeypatch.setattr(Scale, "replace_weights", lambda self: None)
    with pytest.raises(TypeError):
        call(of, OTHER)
    call(of, OTHER)

    assert Scale.made == 2


def test_weights_of_another_type_are_another_object() -> None:
    of = worker(refill=True)
    call(of, MODEL)
    call(of, OTHER.astype(np.float16))

    assert Scale.made == 2


@in_every_column
def test_a_refilled_object_is_as_a_new_one(column: Column) -> None:
    build = import_module(f"{column.package.__name__}.adapter").build
    refilled, new = build(*MODEL), build(*OTHER)
    refilled(X)
    refilled.replace_weights(OTHER.weights)

    assert refilled(X).tobytes() == new(X).tobytes()
    assert {k: v.tobytes() for k, v in refilled.state().items()} == {
        k: v.tobytes() for k, v in new.state().items()
    }
