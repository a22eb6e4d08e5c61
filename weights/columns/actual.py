"""The configuration of a module as it is now.

A user may change a module after its constructor: a batch normalisation's eps, an activation, a
whole convolution. The configuration in a file must then describe the changed module, or the module
is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from weights.errors import ArgumentError
from weights.networks.architectures import Config
from weights.text import listed

# By path: the kind of each layer inside a module, and all that its result depends on beside its
# weights, under the framework's own names. They are compared with those of a fresh module.
Facts = Mapping[str, Mapping[str, Any]]

# Settings of layers, and the argument that sets each in all of them.
ARGUMENTS = {"eps": "bn_eps", "momentum": "bn_momentum", "rate": "dropout"}


def actual(plan: Config, found: Facts, wanted: Facts) -> Config:
    """The configuration of a module whose layers are `found` where `plan` makes the `wanted` ones.

    One eps, one momentum or one rate of dropout in all layers is taken over. Raises
    `ArgumentError` that names every other layer which is not what the configuration makes.
    """
    if found == wanted:
        return plan
    values = dict(_taken_over(plan, found, wanted))
    known = {fact for fact, argument in ARGUMENTS.items() if argument in values}
    problems = list(_problems(found, wanted, known))
    if problems:
        named = listed(problems, "\n  - ")
        without_bias = getattr(plan, "bias", None) is False
        example = " (`bias=True` makes convolutions with a bias)" if without_bias else ""
        raise ArgumentError(
            "`module` must be what its configuration says, got one that was changed by hand:"
            f"\n  - {named}\nBuild it with arguments that make these layers{example}, or put back "
            "what was there"
        )
    return replace(plan, **values) if values else plan


def _taken_over(plan: Config, found: Facts, wanted: Facts) -> Iterator[tuple[str, Any]]:
    for fact, argument in ARGUMENTS.items():
        now, before = _values(found, fact), _values(wanted, fact)
        if now != before and len(now) == 1 and hasattr(plan, argument):
            yield argument, now.pop()


def _values(facts: Facts, fact: str) -> set[Any]:
    return {each[fact] for each in facts.values() if fact in each}


def _problems(found: Facts, wanted: Facts, known: set[str]) -> Iterator[str]:
    for path in {**wanted, **found}:
        now, before = found.get(path), wanted.get(path)
        if now is None or before is None:
            what = "is missing" if now is None else "is no part of it"
            yield f"'{path}' ({_kind(now or before)}) {what}"
        elif _kind(now) != _kind(before):
            yield f"{_where(path)} is {_kind(now)}, not {_kind(before)}"
        else:
            yield from _differences(path, now, before, known)


def _differences(
    path: str, now: Mapping[str, Any], before: Mapping[str, Any], known: set[str]
) -> Iterator[str]:
    for fact in {**before, **now}:
        if fact not in known and now.get(fact) != before.get(fact):
            yield f"{_where(path)} has {fact} {now.get(fact)}, not {before.get(fact)}"


def _where(path: str) -> str:
    return f"'{path}'" if path else "the module itself"


def _kind(facts: Mapping[str, Any] | None) -> Any:
    return (facts or {}).get("kind")
