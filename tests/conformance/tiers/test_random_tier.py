"""Random configurations: as many as asked for, the same every time, and all of them right."""

from __future__ import annotations

import pytest

from conformance import Status
from conformance.implementations.local import LocalImplementation
from conformance.oracle import adapter
from conformance.running.runner import judge
from conformance.tiers import RandomTier, Settings
from weights import configure


def tier(count: int) -> RandomTier:
    return RandomTier(Settings(random=count))


def test_there_are_none_unless_asked_for() -> None:
    assert RandomTier().cases() == []


def test_fewer_are_the_first_of_more() -> None:
    assert tier(20).cases() == tier(50).cases()[:20]


def test_every_split_and_activation_is_drawn() -> None:
    configs = [configure("ghost_conv", case.config) for case in tier(200).cases()]

    assert {config.split for config in configs} == {"round", "ceil", "floor"}
    assert len({config.activation for config in configs}) == 5
    assert {config.groups for config in configs} == {1, 2, 3}


@pytest.mark.slow
def test_the_oracle_in_float32_passes_a_hundred() -> None:
    random, process = tier(100), LocalImplementation("oracle", adapter.build)

    statuses = {judge(random, case, process).status for case in random.cases()}

    assert statuses == {Status.PASS}
    assert random.options() == "--random 100"
