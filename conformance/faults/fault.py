"""Faults: the usual mistakes of a port, each made in a module of the oracle."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.faults.changes import Change


@dataclass(frozen=True)
class Fault:
    """A usual mistake: a hint names it where it explains an answer, a mutant makes it.

    `tier` is the one that must see it, `change` makes it in a module of the oracle.
    """

    name: str
    description: str
    tier: str
    change: Change = field(repr=False)
