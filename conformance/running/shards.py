"""Shards: shares of a run for as many machines, the same whichever machine deals them out."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.running.tasks import Work, groups
from weights import ArgumentError


@dataclass(frozen=True)
class Shard:
    """The share `index`, from 1, of the `count` shares of a run.

    >>> str(Shard.parse("2/4"))
    '2/4'
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard of a text such as 2/4; raises `ArgumentError`."""
        index, _, count = text.partition("/")
        is_shard = index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)
        if not is_shard:
            raise ArgumentError(f"`--shard` must be I/N with I from 1 to N, got {text!r}")
        return cls(int(index), int(count))

    def of(self, work: Work) -> Work:
        """The cases of this share, under every tier of the run.

        What shares a compilation stays together, and is dealt out one by one over all tiers.
        """
        dealt = groups(work)[self.index - 1 :: self.count]
        own = {(tier.name, case.id) for tier, cases in dealt for case in cases}
        return [
            (tier, [case for case in cases if (tier.name, case.id) in own]) for tier, cases in work
        ]
