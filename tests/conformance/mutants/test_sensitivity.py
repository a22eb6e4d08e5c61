"""The smallest error that a tier sees, found by bisection."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.mutants import sensitivity
from conformance.mutants.selftest import quick_tier
from conformance.mutants.sensitivity import of_case

OUTPUTS = {"output"}
TRAINED = OUTPUTS | {
    "gradient of the input", "gradient of convolution", "gradient of depthwise",
    "gradient of norm_weight", "gradient of norm_bias", "running_mean", "running_var",
}  # fmt: skip


@pytest.mark.parametrize(
    ("tier", "kinds"),
    [("exact", OUTPUTS), pytest.param("training", TRAINED, marks=pytest.mark.slow)],
)
def test_a_tier_sees_a_ten_thousandth_of_the_largest_element_of_every_tensor(
    tier: str, kinds: set[str]
) -> None:
    found, cases = quick_tier(tier)
    case = next(each for each in cases if each.id.startswith("k3-s1-p1-r2-dw3-c3x16-9x7-n2"))
    errors = list(of_case(found, case))

    assert {kind for kind, _ in errors} == kinds
    assert all(error * 1.01 >= 2**-24 and error <= 1e-4 for _, error in errors)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_seen_in_no_case_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    errors = iter([("running_mean", math.inf)])
    monkeypatch.setattr(sensitivity, "VECTOR_TIERS", ("exact",))
    monkeypatch.setattr(sensitivity, "of_case", lambda tier, case: errors)

    output = CliRunner().invoke(main, ["selftest", "--sensitivity", *options]).output

    if options:
        row = {"tier": "exact", "tensor": "running_mean", "smallest": None, "usual": None}
        assert json.loads(output) == [row | {"cases": 1}]
    else:
        assert output.splitlines()[-1] == "| `exact` | running mean | none | none | 1 |"
