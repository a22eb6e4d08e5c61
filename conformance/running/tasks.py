"""The tasks of a run: the cases of one module and size of input, for one implementation.

A framework compiles what the cases of a task have in common once, so that one process judges them
all. A task is data: whichever process of its implementation judges it, the verdicts are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from conformance.cases.case import Case, split_pair
from conformance.tiers import Tier

Work = Sequence[tuple[Tier, Sequence[Case]]]


@dataclass(frozen=True)
class Task:
    """Cases of a tier that share a module and a size of input, for an implementation."""

    name: str
    tier: Tier = field(repr=False)
    cases: tuple[Case, ...]


def select_cases(tiers: Iterable[Tier], case_ids: Iterable[str] | None) -> Work:
    """The tiers with the cases that will run: all of them, or those named."""
    wanted = None if case_ids is None else {split_pair(each)[0] for each in case_ids}
    work = [
        (tier, [case for case in tier.cases() if wanted is None or case.id in wanted])
        for tier in tiers
    ]
    return [(tier, cases) for tier, cases in work if cases]


def groups(work: Work) -> list[tuple[Tier, list[Case]]]:
    """The cases of each tier that share a module and a size of input, in order of the first."""
    found: dict[str, tuple[Tier, list[Case]]] = {}
    for tier, cases in work:
        for case in cases:
            key = [tier.name, case.architecture, dict(case.config), case.input_shape, case.form]
            found.setdefault(json.dumps(key), (tier, []))[1].append(case)
    return list(found.values())
