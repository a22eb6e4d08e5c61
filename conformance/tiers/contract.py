"""Tier `contract`: sizes, names, counts and error texts against what was typed in beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases.case import Case, describe
from conformance.cases.golden import (
    GHOST_CONV_NAMES,
    LAYERS,
    MISTAKES,
    WITHOUT_CHEAP_HALF,
    Layer,
    Mistake,
)
from conformance.cases.tensors import Tensors
from conformance.implementations.errors import ImplementationRaised
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import is_network
from conformance.judging.verdict import Outcome
from weights import configure
from weights.tensors import RUNNING_VAR

ERROR_TYPE = "ArgumentError"


class ContractTier:
    """Golden integers and golden texts."""

    name = "contract"

    def __init__(self) -> None:
        self._layers = {
            f"{kind}-{_name(layer)}": layer for layer in LAYERS for kind in _kinds(layer)
        }
        self._mistakes = {f"mistake-{mistake.name}": mistake for mistake in MISTAKES}

    def cases(self) -> list[Case]:
        """For every golden layer its output shape and its parameters; every mistake."""
        layers = [
            self._case(name, layer, layer.architecture) for name, layer in self._layers.items()
        ]
        return layers + [
            self._case(name, mistake, mistake.architecture)
            for name, mistake in self._mistakes.items()
        ]

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """Equal to what was typed in."""
        if case.id in self._mistakes:
            return _judge_mistake(case, self._mistakes[case.id], process)
        return _KINDS[case.data](case, self._layers[case.id], process)

    def _case(self, name: str, golden: Layer | Mistake, architecture: str) -> Case:
        kind = name.partition("-")[0]
        return Case(name, self.name, architecture, golden.config, golden.input_shape, kind)


def _kinds(layer: Layer) -> tuple[str, ...]:
    """What is looked at: of networks not the shape, which tier `family` sees for less work."""
    return tuple(kind for kind in _KINDS if kind != "shape" or not is_network(layer.architecture))


def plain_weights(architecture: str, config: dict[str, Any]) -> Tensors:
    """Zeros, with variances of one."""
    return {
        spec.name: np.full(spec.shape, spec.kind == RUNNING_VAR, np.float32)
        for spec in configure(architecture, config).tensors()
    }


def _judge_shape(case: Case, layer: Layer, process: Implementation) -> Outcome:
    weights = plain_weights(case.architecture, dict(case.config))
    x = np.ones(case.input_shape, np.float32)
    got = process.call(case.architecture, case.config, weights, x).shape
    if tuple(got) == layer.output_shape:
        return Outcome.passed()
    return Outcome.failed(f"the output has shape {tuple(got)}, wanted {layer.output_shape}")


def _judge_parameters(case: Case, layer: Layer, process: Implementation) -> Outcome:
    weights = plain_weights(case.architecture, dict(case.config))
    state = process.state(case.architecture, case.config, weights)
    problems = []
    if case.architecture == "ghost_conv":
        has_cheap_half = layer.c_int < case.config["c_out"]
        names = GHOST_CONV_NAMES if has_cheap_half else WITHOUT_CHEAP_HALF
        if set(state) != set(names):
            problems.append(f"the tensors are {sorted(state)}, wanted {sorted(names)}")
    counts = {"trainable": layer.parameters, "statistics": layer.statistics}
    sizes = {"trainable": 0, "statistics": 0}
    for name, array in state.items():
        sizes["statistics" if ".running_" in name else "trainable"] += np.size(array)
    problems += [
        f"{sizes[k]} {k} elements, wanted {counts[k]}" for k in counts if sizes[k] != counts[k]
    ]
    return Outcome.failed("; ".join(problems)) if problems else Outcome.passed()


def _judge_mistake(case: Case, mistake: Mistake, process: Implementation) -> Outcome:
    """Ours must raise the one type and text; others may refuse in words of their own."""
    try:
        weights = plain_weights(case.architecture, dict(case.config))
    except ValueError:
        weights = {}  # the arguments themselves are wrong
    x = np.ones(case.input_shape, np.float32)
    try:
        process.call(case.architecture, case.config, weights, x)
    except ImplementationRaised as raised:
        if (raised.type_name, raised.text) == (ERROR_TYPE, mistake.text):
            return Outcome.passed()
        got = f"{raised.type_name}: {raised.text}"
        if not raised.is_ghost_error and not process.is_ours:
            return Outcome.skipped(f"refused in its own words: {got}")
        return Outcome.failed(f"raised {got!r}, wanted {ERROR_TYPE}: {mistake.text!r}")
    return Outcome.failed(f"accepted, wanted {ERROR_TYPE}: {mistake.text!r}")


_KINDS = {"shape": _judge_shape, "parameters": _judge_parameters}


def _name(layer: Layer) -> str:
    if layer.architecture != "ghost_conv":
        return layer.architecture
    return describe(layer.config, layer.input_shape)
