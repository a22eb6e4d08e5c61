"""The stages of a network: their names, inputs that suit them, and the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.cases.model import Model
from conformance.implementations.errors import ImplementationError
from conformance.judging.stages import (
    OracleRun,
    allowed_error,
    in_batches,
    judge_arrays,
    judge_stage,
    oracle_run,
    smallest_input,
    stage_names,
)
from conformance.judging.verdict import Status
from conformance.parity.trials import default_sizes
from conformance.tiers import NetworkTier
from tests.conformance.parity.networks import fresh_resnet
from weights import configure


@pytest.mark.parametrize(
    ("architecture", "config", "sizes"),
    [
        ("ghost_resnet56", {}, ((32, 32),)),
        ("ghost_vgg16", {}, ((32, 32),)),
        ("ghostnet", {}, ((96, 96), (65, 97))),
        ("ghost_conv", {"c_in": 4, "c_out": 8, "kernel_size": 5}, ((13, 16),)),
        ("ghost_conv", {"c_in": 4, "c_out": 8, "kernel_size": 5, "padding": 2}, ((9, 12),)),
    ],
)
def test_the_size_of_the_input_suits_the_architecture(
    architecture: str, config: dict[str, Any], sizes: Any
) -> None:
    assert default_sizes(architecture, configure(architecture, config)) == sizes


def test_stage_names_are_those_of_the_outputs() -> None:
    network, x = fresh_resnet(), np.ones((1, 3, 8, 8))
    run = oracle_run(Model.of(network), x)

    assert stage_names(network.architecture, network.config) == tuple(run.exact)


def test_a_layer_has_one_stage() -> None:
    assert stage_names("ghost_conv", {"c_in": 4, "c_out": 8}) == ("output",)


def test_the_smallest_input_has_the_channels_of_the_module() -> None:
    assert smallest_input(configure("ghostnetv2", {"in_chans": 1})).shape == (1, 1, 33, 33)


def test_the_digits_keep_their_cases() -> None:
    assert [case.id for case in NetworkTier().cases()] == [
        "digits-stem",
        "digits-layer1",
        "digits-layer2",
        "digits-layer3",
        "digits-logits",
        "digits-predictions",
    ]


def test_the_allowed_error_is_four_times_the_baseline_and_four_roundings() -> None:
    exact, rough = np.array([1.0, -3.0]), np.array([1.0, -2.999])

    assert allowed_error(rough, exact, exact) == pytest.approx(
        4 * (1e-3 + 4 * 2.0**-24 * 3), rel=1e-12
    )


@pytest.mark.parametrize(("got", "status"), [(np.nan, Status.PASS), (1.0, Status.FAIL)])
def test_nan_passes_only_where_the_oracle_has_it(got: float, status: Status) -> None:
    exact = {"logits": np.array([[np.nan, 2.0]])}
    wanted = OracleRun(exact, exact).reference()

    assert judge_stage({"logits": np.array([[got, 2.0]])}, wanted, "logits").status == status


def test_nan_where_the_oracle_has_a_number_fails() -> None:
    exact = {"logits": np.array([[1.0, 2.0]])}
    wanted = OracleRun(exact, exact).reference()

    outcome = judge_stage({"logits": np.array([[np.nan, 2.0]])}, wanted, "logits")

    assert (outcome.status, outcome.ratio) == (Status.FAIL, np.inf)


@pytest.mark.parametrize(
    ("got", "status", "message"),
    [
        ({"stem": 1.0, "logits": 2.0}, Status.PASS, ""),
        ({"logits": 2.0, "more": 0.0}, Status.SKIP, "stem: it gives no stem, only logits, more"),
        ({"logits": 3.0}, Status.FAIL, "logits: 1 of 1 elements are wrong"),
        ({}, Status.SKIP, "stem: it gives no stem, only nothing"),
    ],
)
def test_a_stage_that_is_not_there_fails_no_other(
    got: dict[str, float], status: Status, message: str
) -> None:
    exact = {"stem": np.ones((1, 1)), "logits": np.full((1, 1), 2.0)}
    outputs = {name: np.full((1, 1), value) for name, value in got.items()}

    outcome = judge_arrays(outputs, OracleRun(exact, exact).reference())

    assert (outcome.status, outcome.message) == (status, message)


def image_count(batch: np.ndarray) -> dict[str, np.ndarray]:
    return {"a": np.zeros((len(batch), 2)), **({"b": batch} if len(batch) == 50 else {})}


@pytest.mark.parametrize(
    "taps",
    [
        lambda batch: {"a": np.zeros(())},
        lambda batch: {"a": np.zeros(len(batch) - 1)},
        lambda batch: {"a": np.zeros((len(batch), len(batch)))},
        image_count,
    ],
)
def test_stages_that_cannot_be_joined_are_the_implementations_error(taps: Any) -> None:
    with pytest.raises(ImplementationError, match=r"its taps of \d+ images gave [ab] of shape"):
        in_batches(taps, np.zeros((60, 1, 2, 2)))
