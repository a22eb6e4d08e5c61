"""Whole numbers: a reciprocal root that is a little off 1 convicts nobody, another number does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from conformance import Status
from conformance.cases.tensors import Tensors
from conformance.implementations.local import LocalImplementation
from conformance.oracle import adapter
from conformance.running.runner import judge
from conformance.tiers import ExactTier
from weights.columns import fold

pytestmark = pytest.mark.slow

TIER = ExactTier()
# What an estimate of the reciprocal root of 1 gives: TensorFlow's is 1 - 2**-23.
ROOTS = (1 - 2.0**-23, 1 - 2.0**-24, 1 + 2.0**-23)


def with_root(root: float, weights: Tensors) -> Tensors:
    """The weights whose norms multiply by another root."""
    return {
        name: array * np.float32(root) if name.endswith(".1.weight") else array
        for name, array in weights.items()
    }


def affected(root: float, architecture: str, config: Mapping[str, Any], weights: Tensors) -> Any:
    return adapter.build(architecture, config, with_root(root, weights))


def folded(root: float, architecture: str, config: Mapping[str, Any], weights: Tensors) -> Any:
    return adapter.build(
        architecture, *fold.deployed(architecture, config, with_root(root, weights), "folded")
    )


def off_by(
    difference: float, architecture: str, config: Mapping[str, Any], weights: Tensors
) -> Any:
    layer = adapter.build(architecture, config, weights)
    return lambda x: layer(x) + np.float32(difference)


@pytest.mark.parametrize("form", [affected, folded])
@pytest.mark.parametrize("root", ROOTS)
def test_a_root_that_is_an_ulp_off_passes(root: float, form: Any) -> None:
    implementation = LocalImplementation("estimated", partial(form, root))
    verdicts = [judge(TIER, case, implementation) for case in TIER.cases()]

    assert {verdict.status for verdict in verdicts} == {Status.PASS}
    assert max(verdict.ratio or 0 for verdict in verdicts) > 0


@pytest.mark.parametrize("difference", [1, -1, 0.5, 0.26])
def test_another_number_fails_however_long_the_sums(difference: float) -> None:
    implementation = LocalImplementation("off", partial(off_by, difference))
    verdicts = [judge(TIER, case, implementation) for case in TIER.cases()]

    assert {verdict.status for verdict in verdicts} == {Status.FAIL}
