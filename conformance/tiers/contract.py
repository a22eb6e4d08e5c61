"""Tier `contract`: sizes, names, counts and error texts against what was typed in beforehand."""

from __future__ import annotations

import numpy as np

from conformance.cases.case import Case, layer_id
from conformance.cases.counts import CHEAP_NAMES, LAYERS, PRIMARY_NAMES, Layer
from conformance.cases.mistakes import MISTAKES, Mistake
from conformance.cases.model import Model, output_cotangent, plain_weights
from conformance.implementations.errors import ImplementationRaised
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import is_network
from conformance.judging.verdict import Outcome, Status
from conformance.tiers.base import DEFAULT_SETTINGS, Settings, Tier
from weights import configure

ERROR_TYPE = "ArgumentError"
SHAPE, PARAMETERS, MISTAKE = "shape", "parameters", "mistake"


class ContractTier(Tier):
    """The output shape and the parameters of every known layer; the error of every mistake."""

    name = "contract"
    has_more = True

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        super().__init__(settings)
        self._layers = {
            f"{kind}-{_name(layer)}": (kind, layer)
            for layer in LAYERS
            for kind in _kinds(layer)
            if settings.full or not layer.full
        }
        self._mistakes = {f"{MISTAKE}-{mistake.name}": mistake for mistake in MISTAKES}

    def cases(self) -> list[Case]:
        """The layers, then the mistakes; those of one module together, so that it is built once."""
        cases = [self._case(name, kind, layer) for name, (kind, layer) in self._layers.items()]
        cases += [self._case(name, MISTAKE, each) for name, each in self._mistakes.items()]
        modules = [(case.architecture, case.config) for case in cases]
        return sorted(cases, key=lambda case: modules.index((case.architecture, case.config)))

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Equal to what was typed in."""
        if case.data == MISTAKE:
            return _judge_mistake(case, self._mistakes[case.id], implementation)
        _, layer = self._layers[case.id]
        judge = _judge_shape if case.data == SHAPE else _judge_parameters
        return judge(case, layer, implementation)

    def _case(self, name: str, kind: str, known: Layer | Mistake) -> Case:
        return Case(name, self.name, known.architecture, known.config, known.input_shape, kind)


def _plain_model(case: Case) -> Model:
    weights = plain_weights(case.architecture, case.config)
    return Model(case.architecture, case.config, weights)


def _judge_shape(case: Case, layer: Layer, implementation: Implementation) -> Outcome:
    got = implementation.call(_plain_model(case), np.ones(case.input_shape, np.float32)).shape
    if tuple(got) == layer.output_shape:
        return Outcome.passed()
    return Outcome.failed(f"the output has shape {tuple(got)}, wanted {layer.output_shape}")


def _judge_parameters(case: Case, layer: Layer, implementation: Implementation) -> Outcome:
    state = implementation.state(_plain_model(case))
    problems = []
    if case.architecture == "ghost_conv":
        has_cheap_half = layer.c_int < case.config["c_out"]
        names = (*PRIMARY_NAMES, *(CHEAP_NAMES if has_cheap_half else ()))
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


def _judge_mistake(case: Case, mistake: Mistake, implementation: Implementation) -> Outcome:
    """Ours must raise the one type and text; others may refuse in words of their own."""
    try:
        model = _plain_model(case)
    except ValueError:  # the arguments themselves are wrong
        config = {**configure(case.architecture, mistake.right).complete(), **case.config}
        weights = plain_weights(case.architecture, mistake.right)
        model = Model(case.architecture, config, weights)
    x = np.ones(case.input_shape, np.float32)
    try:
        if mistake.is_step:
            cotangent = output_cotangent(case.architecture, case.config, x, case.seed)
            implementation.train_step(model, x, cotangent)
        else:
            implementation.call(model, x)
    except ImplementationRaised as raised:
        if (raised.type_name, raised.text) == (ERROR_TYPE, mistake.text):
            return Outcome.passed()
        got = f"{raised.type_name}: {raised.text}"
        if not raised.is_ghost_error and not implementation.is_ours:
            return Outcome(Status.PASS, message=f"refused in its own words: {got}")
        return Outcome.failed(f"raised {got!r}, wanted {ERROR_TYPE}: {mistake.text!r}")
    return Outcome.failed(f"accepted, wanted {ERROR_TYPE}: {mistake.text!r}")


def _kinds(layer: Layer) -> tuple[str, ...]:
    """The checks of a layer: the shapes of networks are seen by tier `family`, in less time."""
    return (PARAMETERS,) if is_network(layer.architecture) else (SHAPE, PARAMETERS)


def _name(layer: Layer) -> str:
    if layer.architecture != "ghost_conv":
        return layer.architecture
    return layer_id(layer.config, layer.input_shape)
