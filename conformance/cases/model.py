"""Models: modules with their weights, as cases make them and implementations get them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from conformance.cases.case import Case
from conformance.cases.tensors import Tensors, make
from weights import ArgumentError, WeightFile, configure
from weights.columns import fold
from weights.modules.forms import TRAINING
from weights.tensors import RUNNING_VAR


class Model(NamedTuple):
    """A module: its architecture, its configuration, and its weights by canonical name."""

    architecture: str
    config: Mapping[str, Any]
    weights: Tensors

    @classmethod
    def of(cls, file: WeightFile) -> Model:
        """The model that a weight file holds."""
        return cls(file.architecture, file.config, file.tensors)

    def astype(self, dtype: Any) -> Model:
        """The model with its weights in another precision."""
        return self._replace(weights=in_dtype(self.weights, dtype))


def in_dtype(tensors: Tensors, dtype: Any) -> Tensors:
    """The same tensors in another precision."""
    return {name: array.astype(dtype) for name, array in tensors.items()}


def complete(model: Model) -> Model:
    """The model with every argument in its configuration; one that is refused stays as it is."""
    try:
        config = configure(model.architecture, model.config).complete()
    except ArgumentError:
        config = dict(model.config)
    return model._replace(config=config)


def make_model(case: Case) -> tuple[Model, np.ndarray]:
    """The model and the input (N, C, H, W) of a case, in float32."""
    weights, x = make(case)
    return Model(case.architecture, case.config, weights), x


def plain_weights(architecture: str, config: Mapping[str, Any]) -> Tensors:
    """Zeros, with variances of one."""
    return {
        spec.name: np.full(spec.shape, spec.kind == RUNNING_VAR, np.float32)
        for spec in configure(architecture, config).tensors()
    }


def output_cotangent(
    architecture: str, config: Mapping[str, Any], x: np.ndarray, seed: int
) -> np.ndarray:
    """A random cotangent of the shape that the output for x: (N, C, H, W) has."""
    batch, _, height, width = x.shape
    shape = configure(architecture, config).output_shape(batch, height, width)
    generator = np.random.Generator(np.random.PCG64([seed, *shape]))
    return generator.normal(size=shape).astype(np.float32)


def step_inputs(case: Case) -> tuple[Model, np.ndarray, np.ndarray]:
    """The model, the input and the cotangent of the output, both (N, ...), of a step."""
    model, x = make_model(case)
    return model, x, output_cotangent(case.architecture, case.config, x, case.seed)


def in_form(model: Model, form: str) -> Model:
    """The model in another form than that for training."""
    if form == TRAINING:
        return model
    return Model(model.architecture, *fold.deployed(*model, form))
