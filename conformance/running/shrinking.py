"""The smallest case that still fails: arguments go back to their defaults, sizes go down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from conformance.cases.case import STEP, Case, layer_case
from conformance.implementations.errors import ImplementationError, NotSupported
from conformance.implementations.implementation import Implementation
from conformance.implementations.process import ProcessImplementation
from conformance.judging.verdict import Status
from conformance.running.journal import Key
from conformance.running.runner import judge
from conformance.tiers import ModuleTier, Tier
from weights import ArgumentError, configure

# These have no default to go back to: they become smaller.
REQUIRED = ("c_in", "c_out")
MOST_STEPS = 200

# Of a case that is shrunk, however long a case of the run may take.
CASE_SECONDS = 10.0

Fails = Callable[[Case], bool]


def shrink_failures(
    name: str, failures: Iterable[tuple[ModuleTier, Case]], until: float, *, cached: bool = True
) -> Iterator[tuple[Key, Case]]:
    """The smallest case of each failure, of tiers that have cases of any size.

    `until` is the time, by `time.monotonic`, at which the smallest found so far is given, and no
    further failure is begun; `cached` lets JAX keep what it compiles.
    """
    process = ProcessImplementation(name, CASE_SECONDS, cached=cached)
    try:
        process.start()
        for tier, case in failures:
            if time.monotonic() > until:
                break
            fails = _failing(tier, process, until)
            with tier.suspects.silent():
                found = shrink(case, fails) if fails(case) else None
            if found is not None:
                yield (tier.name, case.id, name), renamed(found)
    except (ImplementationError, NotSupported):
        return  # it started once, and now does not
    finally:
        process.close()


def _failing(tier: Tier, process: Implementation, until: float) -> Fails:
    """Whether a case fails, while there is time."""

    def fails(case: Case) -> bool:
        if time.monotonic() > until:
            return False
        return judge(tier, renamed(case), process).status is Status.FAIL

    return fails


def shrink(case: Case, fails: Fails) -> Case:
    """The smallest case that is found by steps that still fail; `case` itself where none does."""
    for _ in range(MOST_STEPS):
        smaller = next((each for each in _smaller(case) if _is_valid(each) and fails(each)), None)
        if smaller is None:
            return case
        case = smaller
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Every case that is simpler in one respect: an argument less, then smaller numbers."""
    for name in case.config:
        if name not in REQUIRED and name != "bn_eps":
            yield _with(case, {key: value for key, value in case.config.items() if key != name})
    batch, channels, height, width = case.input_shape
    for shape in _sizes((batch, height, width)):
        yield replace(case, input_shape=(shape[0], channels, *shape[1:]))
    for name in REQUIRED:
        for value in _less(case.config.get(name, 0)):
            yield _with(case, {**case.config, name: value})


def _sizes(sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for axis, size in enumerate(sizes):
        for less in _less(size):
            yield (*sizes[:axis], less, *sizes[axis + 1 :])


def _less(value: Any) -> list[int]:
    """Half of a number, and one less."""
    return sorted({value // 2, value - 1} - {0, -1}) if isinstance(value, int) else []


def _with(case: Case, config: dict[str, Any]) -> Case:
    batch, _, height, width = case.input_shape
    shape = (batch, config.get("c_in", case.input_shape[1]), height, width)
    return replace(case, config=config, input_shape=shape)


def _is_valid(case: Case) -> bool:
    try:
        plan = configure(case.architecture, case.config)
        plan.check_input(case.input_shape, "float32", training=STEP in case.tags)
    except ArgumentError:
        return False
    return True


def renamed(case: Case) -> Case:
    """A GhostConv's case with the id that its changed configuration gives it."""
    return layer_case(case.tier, case.config, case.input_shape, case.data, case.tags)
