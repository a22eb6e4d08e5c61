"""Where a network leaves the reference: the first call of a module whose output differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from conformance.parity.own.arrays import Match, State, match
from conformance.parity.own.baseline import Baseline
from conformance.parity.own.record import INPUTS, OUTPUTS, Key, Record
from conformance.parity.own.training import TensorDifference, tensor_differences

ROOT = Key("", 0)


@dataclass(frozen=True)
class Step:
    """A call of a module that both networks have, in the order in which the reference's ended.

    `inputs` and `outputs` are the worst of each side, None where nothing could be compared.
    `stands_for` is a call of a module of one side alone with the same output: the two divide the
    work in another way. It is looked for up to the first difference that lasts.
    """

    key: Key
    types: tuple[str, str]
    inputs: Match | None = field(repr=False)
    outputs: Match | None
    stands_for: Key | None = None

    @property
    def differs(self) -> bool:
        """Whether the output is another one, and not of the same values in another order."""
        return self.outputs is not None and self.outputs.state is State.DIFFERENT

    @property
    def equals(self) -> bool:
        """Whether the output is that of the reference."""
        return self.outputs is not None and self.outputs.state is State.EQUAL

    @property
    def reads_the_same(self) -> bool | None:
        """Whether the inputs are those of the reference; None where that is not known."""
        return None if self.inputs is None else self.inputs.state is State.EQUAL


@dataclass(frozen=True)
class Comparison:
    """A network beside the reference.

    `only_here` and `only_there` are calls of modules that the network has alone, or the reference;
    `first` is where it leaves the reference, if its own output does.
    """

    baseline: Baseline = field(repr=False)
    record: Record = field(repr=False)
    steps: tuple[Step, ...] = field(repr=False)
    only_here: tuple[Key, ...]
    only_there: tuple[Key, ...]
    first: Step | None
    tensors: tuple[TensorDifference, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether output, gradients and statistics are the reference's."""
        return self.first is None and not self.tensors

    @property
    def before(self) -> Step | None:
        """The last step before the first difference whose output is that of the reference."""
        earlier = self.steps[: self.steps.index(self.first)] if self.first else self.steps
        return next((step for step in reversed(earlier) if not step.differs), None)

    @property
    def between(self) -> tuple[Key, ...]:
        """Calls of modules of one side alone, between the last equal step and the difference."""
        found: list[Key] = []
        before = self.before
        for keys, alone in (
            (list(self.baseline.exact.calls), self.only_there),
            (list(self.record.calls), self.only_here),
        ):
            start = keys.index(before.key) + 1 if before else 0
            end = keys.index(self.first.key) if self.first else len(keys)
            found += [key for key in keys[start:end] if key in alone]
        return tuple(found)

    @property
    def healed(self) -> tuple[Step, ...]:
        """Steps that differ without an effect on what follows."""
        return tuple(step for step in self.steps if step.differs and step is not self.first)

    @property
    def uneven(self) -> tuple[str, ...]:
        """Paths of modules that are called more often in one of the networks."""
        here, there = (
            Counter(key.path for key in record.calls)
            for record in (self.record, self.baseline.exact)
        )
        return tuple(path for path in there if path in here and here[path] != there[path])


def compare(baseline: Baseline, record: Record) -> Comparison:
    """Compare every call that both networks have."""
    here, there = record.calls, baseline.exact.calls
    only_here = tuple(key for key in here if key not in there)
    only_there = tuple(key for key in there if key not in here)
    alone = (only_here, only_there)
    plain = [_step(baseline, record, key) for key in there if key in here]
    heals = any(step.key == ROOT and step.equals for step in plain)
    steps = tuple(_with_counterparts(baseline, record, plain, alone, heals=heals))
    tensors = tuple(tensor_differences(baseline, record))
    first = None if heals else _first(steps)
    return Comparison(baseline, record, steps, *alone, first, tensors)


def _first(steps: Sequence[Step]) -> Step | None:
    """The first difference that lasts, else the whole network."""
    root = next((step for step in steps if step.key == ROOT), None)
    return next((step for step in steps if step.differs and step.stands_for is None), root)


def _step(baseline: Baseline, record: Record, key: Key) -> Step:
    types = (baseline.exact.calls[key].type, record.calls[key].type)
    inputs, outputs = (_worst(baseline, record, key, side) for side in (INPUTS, OUTPUTS))
    return Step(key, types, inputs, outputs)


def _with_counterparts(
    baseline: Baseline, record: Record, steps: Sequence[Step],
    alone: tuple[Sequence[Key], Sequence[Key]], *, heals: bool,
) -> Iterator[Step]:  # fmt: skip
    """The steps, those that differ with what each stands for.

    After a difference that lasts nearly all differ, and what they stand for tells nothing.
    """
    lasts = False
    for step in steps:
        if step.differs and not lasts:
            other = next(_counterparts(baseline, record, step.key, *alone), None)
            lasts = other is None and not heals
            yield replace(step, stands_for=other)
        else:
            yield step


def _worst(baseline: Baseline, record: Record, key: Key, side: str) -> Match | None:
    matches = list(_matches(baseline, record, key, key, side))
    return max(matches, key=lambda each: (each.state is State.DIFFERENT, each.ratio), default=None)


def _matches(
    baseline: Baseline, record: Record, there: Key, here: Key, side: str
) -> Iterator[Match]:
    """Every array that both calls have, by name, or by place where both have as many.

    Of one alone the other's is the first: PyTorch's attention returns its weights as well.
    """
    wanted, got = baseline.arrays(there, side), getattr(record.calls[here], side)
    names = [(name, name) for name in wanted if name in got]
    if not names and (len(wanted) == len(got) or 1 in (len(wanted), len(got))):
        names = list(zip(wanted, got, strict=False))
    for ours, theirs in names:
        array = wanted[ours]
        images = baseline.images.get(array[0].size, ()) if array.ndim == 2 else ()
        yield match(
            ours, got[theirs], array, baseline.allowed(there, side, ours),
            channels_last=record.channels_last, images=images,
        )  # fmt: skip


def _counterparts(
    baseline: Baseline, record: Record, key: Key, only_here: Sequence[Key],
    only_there: Sequence[Key],
) -> Iterator[Key]:  # fmt: skip
    """Later calls of modules of one side alone that give what the other side's call of `key` gives.

    A convolution with its activation inside is the activation that the other network has apart.
    """
    pairs = [(there, key, there) for there in _later(list(baseline.exact.calls), key, only_there)]
    pairs += [(key, here, here) for here in _later(list(record.calls), key, only_here)]
    for there, here, other in pairs:
        matches = list(_matches(baseline, record, there, here, OUTPUTS))
        if matches and all(each.state is State.EQUAL for each in matches):
            yield other


def _later(keys: Sequence[Key], key: Key, wanted: Sequence[Key]) -> list[Key]:
    return [each for each in keys[keys.index(key) :] if each in wanted]
