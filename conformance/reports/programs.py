"""Programs of five lines that show a failure without the suite's own runner."""

from __future__ import annotations

from conformance.cases.case import STEP, Case, layer_case
from conformance.implementations.registry import target
from conformance.tiers import TIERS, ModuleTier
from weights import ArgumentError


def program(case: Case, implementation: str) -> str:
    """The program that prints an output and the oracle's; empty where a case has none.

    Only GhostConvs in inference have one, of implementations that can be imported.

    >>> case = layer_case("exact", {"c_in": 1, "c_out": 2}, (1, 1, 2, 2), "integers")
    >>> print(program(case, "mine:make").splitlines()[2])
    from mine import make as build
    """
    tier = TIERS.get(case.tier)
    if tier is None or not issubclass(tier, ModuleTier) or STEP in case.tags:
        return ""
    try:
        drawn = layer_case(case.tier, case.config, case.input_shape, case.data)
        module, function = target(implementation)
    except (ArgumentError, KeyError, ValueError):
        return ""  # what a report from elsewhere may hold
    if drawn.id != case.id:
        return ""  # of a layer with a name, whose data it would not draw
    if not all(part.isidentifier() for part in [*module.split("."), function]):
        return ""
    name = function if function == "build" else f"{function} as build"
    arguments = f"{case.tier!r}, {dict(case.config)}, {case.input_shape}, {case.data!r}"
    return "\n".join([
        "from conformance.cases import case, model",
        "from conformance.oracle import adapter",
        f"from {module} import {name}",
        f"m, x = model.make_model(case.layer_case({arguments}))",
        'print(build(*m)(x), adapter.build(*m)(x), sep="\\n\\n")',
    ])  # fmt: skip
