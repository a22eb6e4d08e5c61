"""Failures grouped by cause: what one defect breaks is one cause, two defects are two."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from conformance import Status, Verdict
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.mutant import MutantImplementation
from conformance.reports.causes import Cause, find_causes
from conformance.reports.report import make_report
from conformance.running.results import Run
from conformance.running.runner import judge
from conformance.running.tasks import Work
from conformance.tiers import make_tiers

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@cache
def work() -> Work:
    """Every layer with the data that tells most, and with zeros, which tell nothing."""
    (tier,) = make_tiers(names=["module"])
    data = ("normal", "wide", "one_sided", "zeros")
    return [(tier, [case for case in tier.cases() if case.data in data])]


def causes_of(mutant: Mutant) -> list[Cause]:
    """The causes that a run of a mutant shows; each failure is in one of them."""
    implementation = MutantImplementation(mutant)
    verdicts = [judge(tier, case, implementation) for tier, cases in work() for case in cases]
    causes = find_causes(make_report(Run(verdicts, {mutant.name: {}}, 1.0), work()))
    bad = [verdict.case for verdict in verdicts if verdict.is_bad]
    assert sorted(bad) == sorted(v.case for cause in causes for v in cause.verdicts)
    return causes


def failure(text: str = "", hint: str = "", **fields: Any) -> Verdict:
    place = {"case": "a", "tier": "exact", "implementation": "mine", "status": Status.FAIL}
    return Verdict(message=text, hint=hint, **place | fields)


def titles(*verdicts: Verdict) -> list[str]:
    run = Run(list(verdicts), {"mine": {}}, 1.0)
    return [str(cause) for cause in find_causes(make_report(run, []))]


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("dilated-cheap", "only with dilation above 1"),
        ("relu-for-relu6", "only with activation relu6"),
        ("seventh", "only with activation hard_swish"),
        ("interleaved", "nearly every case fails"),
    ],
)
@pytest.mark.slow
def test_a_defect_is_one_cause_and_its_scope_is_told(name: str, scope: str) -> None:
    (cause,) = causes_of(BY_NAME[name])

    assert cause.scope == scope


@pytest.mark.slow
def test_two_defects_are_two_causes() -> None:
    def change(module: Any) -> None:
        BY_NAME["dilated-cheap"].change(module)
        BY_NAME["relu-for-relu6"].change(module)

    both = Mutant("both", "two defects", "exact", change)

    assert {cause.scope for cause in causes_of(both)} == {
        "only with dilation above 1", "only with activation relu6"
    }  # fmt: skip


@pytest.mark.slow
def test_what_explains_a_layer_with_some_data_explains_it_with_others() -> None:
    (cause,) = causes_of(BY_NAME["relu-for-relu6"])

    assert cause.title == "explained by: relu6 is not cut"
    assert any(not verdict.hint for verdict in cause.verdicts)


@pytest.mark.slow
def test_a_fault_of_one_activation_is_one_cause_in_all_tiers() -> None:
    def pad_after(module: Any) -> None:
        if getattr(module.plan, "activation", None) == "relu6":
            BY_NAME["padding-after"].change(module)

    implementation = MutantImplementation(Mutant("relu6-after", "", "exact", pad_after))
    tiers = make_tiers(names=["exact", "module", "special", "training"])
    # As many with another activation as it takes to tell.
    wanted = ("c8x14-6x6-n2-relu6", "c8x14-6x6-n2-hard_swish", "c3x16-9x7-n2")
    own = [(tier, [c for c in tier.cases() if any(w in c.id for w in wanted)]) for tier in tiers]
    verdicts = [judge(tier, case, implementation) for tier, cases in own for case in cases]
    (cause,) = find_causes(make_report(Run(verdicts, {implementation.name: {}}, 1.0), own))

    assert cause.title == "explained by: all padding below and to the right"
    assert set(cause.tiers) == {"exact", "module", "special", "training"}


def test_hints_that_differ_in_numbers_are_one_cause() -> None:
    found = titles(failure(hint="only channel 3 is wrong"), failure(hint="only channel 4 is wrong"))

    assert found == ["2 failures, one cause: only channel ... is wrong"]


def test_messages_that_differ_in_an_address_are_one_cause() -> None:
    found = titles(*(failure(f"got <Foo object at 0x{place}>") for place in ("7f3a12", "7fe0b8")))

    assert found == ["2 failures, one cause: got <Foo object at ...>"]


def test_a_cause_of_one_text_says_it_whole() -> None:
    found = titles(failure("grad of primary_conv.0.weight: wrong by 0.5"))

    assert found == ["1 failure: grad of primary_conv.0.weight: wrong by 0.5"]


def test_another_message_is_another_cause() -> None:
    weight, bias = (
        failure(f"grad of primary_conv.{n}.weight: 3 of 9 elements are wrong", tier="training")
        for n in (0, 1)
    )

    assert len(titles(weight, weight, bias)) == 2


def test_errors_are_no_failures() -> None:
    found = titles(failure("out of ideas"), failure("out of ideas", status=Status.ERROR))

    assert found == ["1 failure: out of ideas", "1 error: out of ideas"]


def test_what_two_implementations_fail_is_two_causes() -> None:
    assert (
        len(titles(failure(hint="padding"), failure(hint="padding", implementation="yours"))) == 2
    )


def test_a_trait_that_may_be_chance_is_not_named() -> None:
    tier, *_ = make_tiers(names=["exact"])
    cases = tier.cases()[:8]
    bad = {case.id for case in cases if case.config.get("kernel_size") == 3}
    verdicts = [
        Verdict(Status.FAIL if case.id in bad else Status.PASS, case=case.id, tier=tier.name,
                implementation="mine")
        for case in cases
    ]  # fmt: skip
    (cause,) = find_causes(make_report(Run(verdicts, {"mine": {}}, 1.0), [(tier, cases)]))

    assert len(cause.verdicts) == len(bad) == 2
    assert cause.scope == ""
