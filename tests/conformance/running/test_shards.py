"""Shards: equal shares of a run that together are the run."""

from __future__ import annotations

import pytest

from conformance.running.shards import Shard
from conformance.running.tasks import groups, select_cases
from conformance.tiers import Settings, make_tiers
from weights import ArgumentError

WORK = select_cases(make_tiers(Settings(random=40, full=True)), None)
COUNTS = (2, 3, 7)


def places(index: int, count: int) -> list[tuple[str, str]]:
    shard = Shard(index, count).of(WORK)
    return [(tier.name, case.id) for tier, cases in shard for case in cases]


@pytest.mark.parametrize("count", COUNTS)
def test_shards_are_disjoint_and_complete(count: int) -> None:
    shards = [places(index, count) for index in range(1, count + 1)]

    assert sorted(place for shard in shards for place in shard) == sorted(places(1, 1))


@pytest.mark.parametrize("count", COUNTS)
def test_no_shard_has_more_modules_to_compile_than_another_has_and_one(count: int) -> None:
    numbers = [len(groups(Shard(index, count).of(WORK))) for index in range(1, count + 1)]

    assert max(numbers) - min(numbers) <= 1


def test_a_shard_is_the_same_whoever_makes_it() -> None:
    again = select_cases(make_tiers(Settings(random=40, full=True)), None)

    assert Shard(2, 3).of(again)[0][1] == Shard(2, 3).of(WORK)[0][1]
    assert [len(cases) for _, cases in Shard(2, 3).of(again)] == [
        len(cases) for _, cases in Shard(2, 3).of(WORK)
    ]


def test_cases_that_share_a_module_stay_together() -> None:
    shard_of = {place: index for index in (1, 2, 3) for place in places(index, 3)}

    for tier, cases in groups(WORK):
        assert len({shard_of[tier.name, case.id] for case in cases}) == 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/2/3", "a/b", "", "-1/2", "1/0"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="must be I/N with I from 1 to N, got"):
        Shard.parse(text)
