"""The references of the uses of one object."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.cases.model import make_model
from conformance.cases.sequences import REFUSE, Given, sequence_cases, uses_of
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.sequences import reference_sequence

CASES = {case.id: case for case in sequence_cases("sequence")}


@pytest.mark.parametrize("name", ["ghost_conv-load", "ghost_conv-load-after-a-step"])
def test_a_file_that_is_refused_changes_no_reference(name: str) -> None:
    model, _ = make_model(CASES[name])
    first, *rest = uses_of(CASES[name])
    refused = Given(REFUSE, {}, first.model, "empty")

    plain = reference_sequence(model, [first, *rest], UNIT_ROUNDOFF)
    begin, of_file, *others = reference_sequence(model, [first, refused, *rest], UNIT_ROUNDOFF)

    assert (of_file.values, of_file.allowed) == ({}, {})
    for found, wanted in zip([begin, *others], plain, strict=True):
        np.testing.assert_equal(found.values, wanted.values)
        np.testing.assert_equal(found.allowed, wanted.allowed)
