"""Traits of cases: what the arguments of a case say of it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.cases.case import Case
from conformance.cases.traits import facts, ranges, traits


def case(**config: Any) -> Case:
    return Case("a", "exact", "ghost_conv", config, (1, 3, 8, 8), "integers")


@pytest.mark.parametrize(("bias", "wanted"), [(False, {"no bias"}), (True, {"bias"})])
def test_a_yes_or_no_is_no_number(bias: bool, wanted: set[str]) -> None:
    found = facts(case(bias=bias))

    assert {trait for trait in traits(found, ranges([found])) if "bias" in trait} == wanted


def test_an_argument_left_out_is_the_ordinary_one() -> None:
    assert facts(case()) == facts(case(bias=False, stride=1))


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        (3, set()),
        (4, {"even kernel_size"}),
        ([2, 4], {"even kernel_size", "unequal kernel_size"}),
        ([3, 4], {"unequal kernel_size"}),
    ],
)
def test_even_and_unequal_are_traits_of_numbers(size: Any, wanted: set[str]) -> None:
    found = facts(case(kernel_size=size))

    own = {"even kernel_size", "unequal kernel_size"}
    assert own & set(traits(found, ranges([found]))) == wanted
