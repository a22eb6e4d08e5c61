"""Programs of five lines that show a failure without the suite's own runner."""

from __future__ import annotations

from conformance.cases.case import STEP, Case
from conformance.implementations.registry import target
from conformance.tiers import (
    TIERS,
    FamilyTier,
    ModuleTier,
    NetworkTier,
    TrainingTier,
    WeightsTier,
)
from conformance.tiers.network import DIGITS_LABEL, LOGITS, PREDICTIONS
from weights import ArgumentError
from weights.modules.forms import TRAINING

# The lines of a program before the import of the implementation, and after it.
Lines = tuple[list[str], list[str]]
CASES = "from conformance.cases import case, model"
ORACLE = "from conformance.oracle import adapter"


def program(case: Case, implementation: str, *, loads: bool = False) -> str:
    """The program that prints what an implementation gives and what the oracle does.

    Of a file it prints which tensors came back with other bits, and where the implementation
    `loads` the file of another, whether it writes the same again. Empty where a case has none: of
    sequences, mistakes and weights of one's own, and of implementations that cannot be imported.

    >>> case = Case("a", "exact", "ghost_conv", {"c_in": 1, "c_out": 2}, (1, 1, 2, 2), "integers")
    >>> print(program(case, "mine:make").splitlines()[2])
    from mine import make as build
    """
    lines = _lines(case, loads=loads)
    try:
        module, function = target(implementation)
    except ArgumentError:
        return ""  # what a report from elsewhere may hold
    if lines is None or not all(part.isidentifier() for part in [*module.split("."), function]):
        return ""
    before, after = lines
    name = function if function == "build" else f"{function} as build"
    return "\n".join([*before, f"from {module} import {name}", *after])


def _lines(case: Case, *, loads: bool) -> Lines | None:
    kind = TIERS.get(case.tier)
    if kind is None:
        return None
    if kind is TrainingTier or STEP in case.tags:
        return _compared(case, "m, x, v = model.step_inputs", ".train_step(x, v)")
    if issubclass(kind, ModuleTier):
        return _compared(case, "m, x = model.make_model")
    if kind is FamilyTier:
        return _compared(case, "m, x = model.make_model", ".taps(x)")
    if kind is NetworkTier and case.id == f"{DIGITS_LABEL}-{case.data}":
        return _of_network(case)
    if kind is WeightsTier:
        return _of_loading(case) if loads else _of_state(case)
    return None


def _made(case: Case) -> str:
    """The expression that makes a case again."""
    parts = case.id, case.tier, case.architecture, dict(case.config), case.input_shape, case.data
    return f"case.Case({', '.join(map(repr, parts))})"


def _compared(case: Case, given: str, call: str = "(x)") -> Lines:
    own = "m" if case.form == TRAINING else f"model.in_form(m, {case.form!r})"
    return [CASES, ORACLE], [f"{given}({_made(case)})", _printed(f"model.complete({own})", call)]


def _of_network(case: Case) -> Lines:
    stage, rest = (LOGITS, ".argmax(1)") if case.data == PREDICTIONS else (case.data, "")
    return [ORACLE, "from conformance.tiers import NetworkTier"], [
        "m, x = NetworkTier().given()",
        _printed("m", f".taps(x)[{stage!r}]{rest}"),
    ]


def _printed(own: str, call: str) -> str:
    """The line that prints what a call of both gives, the implementation's first."""
    return f'print(build(*{own}){call}, adapter.build(*m){call}, sep="\\n\\n")'


def _of_state(case: Case) -> Lines:
    return [CASES, "from conformance.tiers.weights import random_model"], [
        f"m = random_model({_made(case)}); s = build(*model.complete(m)).state()",
        "print([n for n, w in m.weights.items() if s[n].tobytes() != w.tobytes()])",
    ]


def _of_loading(case: Case) -> Lines:
    return [
        f"{CASES}; from weights import write_file",
        "from conformance.tiers.weights import blank, random_model",
    ], [
        f'm = random_model({_made(case)}); write_file("a.safetensors", *m, overwrite=True)',
        'b = build(*model.complete(blank(m))); b.load("a.safetensors"); '
        "print([n for n, w in m.weights.items() if b.state()[n].tobytes() != w.tobytes()])",
    ]
