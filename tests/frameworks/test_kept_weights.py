"""`replace_convolutions` on a trained network: what pays on a device, and the weights it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, Column, in_every_column, normal
from tests.frameworks.digits_models import FLATTEN, accuracy, digits, digits_network, train
from tests.frameworks.ghostify_models import SMALL, chain, convolution_of, replace
from weights import ArgumentError
from weights.replacing import timing

pytestmark = pytest.mark.slow  # XLA compiles the fresh kernels of every shape

X = normal(2, 3, 12, 10)


@pytest.fixture(scope="module", params=[False, pytest.param(True, marks=pytest.mark.matrix)])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Whether a network for digits ends in means over positions, and its file of PyTorch's."""
    torch, pooled = COLUMNS[0], request.param
    network = digits_network(torch, pooled=pooled)
    train(network)
    path = tmp_path_factory.mktemp("digits") / "digits.safetensors"
    torch.package.save_weights(network, path, flatten=None if pooled else FLATTEN)
    return pooled, path


@pytest.fixture
def all_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which every GhostConv takes as long as its convolution."""
    take(monkeypatch, *[(1.0, 1.0)] * 9)


def take(monkeypatch: pytest.MonkeyPatch, *pairs: tuple[float, float]) -> None:
    """Let the candidates take these times, one pair after the other."""
    times = iter(pairs)

    def medians(runs: Any, *_: Any) -> Any:
        for run in runs:
            run()
        return next(times)

    monkeypatch.setattr(timing, "medians", medians)


@pytest.mark.parametrize(
    "column",
    [COLUMNS[0], *(pytest.param(each, marks=pytest.mark.matrix) for each in COLUMNS[1:])],
    ids=str,
)
def test_kept_weights_are_worth_twice_the_fresh_ones(
    column: Column, trained: tuple[bool, Path], all_pay: None
) -> None:
    pooled, path = trained
    examples = {"fresh": {}, "kernel": {}, "outputs": {"example": column.native(digits()[0][:128])}}
    told = {}
    for name, example in examples.items():
        network = digits_network(column, pooled=pooled)
        column.package.load_weights(network, path)
        keep = None if name == "fresh" else "weights"
        model, report = replace(column, network, keep=keep, **example)
        told[name] = accuracy(column, model)
        assert [("means" in str(each)) for each in report.replaced] == [name == "kernel"] * 2

    assert 2 * told["fresh"] <= told["kernel"]
    assert told["outputs"] > (0.5 if pooled else 0.8)


@in_every_column
def test_what_would_be_slower_is_left_with_both_times(
    column: Column, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(monkeypatch, (0.22e-3, 0.31e-3), (2e-3, 2.1e-3))
    model = chain(column, *SMALL[:1], *SMALL[2:3])

    _, report = replace(column, model, example=column.native(X))

    assert str(report).splitlines()[1:] == [
        "  replaced  pointwise  16 to 16 channels, kernel 1x1, 256 weights now 200, 2 ms now 2.1; "
        "its bias is left to the batch normalisation",
        "  left      stem       it would take 0.31 ms in place of 0.22",
    ]
    assert [each.seconds for each in (*report.replaced, *report.kept)] == [
        (2e-3, 2.1e-3),
        (0.22e-3, 0.31e-3),
    ]


@in_every_column
def test_the_last_error_told_is_that_of_the_model(column: Column, all_pay: None) -> None:
    model = chain(column, *SMALL[2:4])
    x = normal(4, 16, 12, 10)
    before = column.run(model, x)

    replaced, report = replace(column, model, keep="weights", example=column.native(x))

    after = column.run(replaced, x)
    assert [each.notes for each in report.replaced] == [(), ()]
    assert {each.config.activation for each in report.replaced} == {"identity"}
    told = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert report.replaced[-1].error == pytest.approx(told, rel=1e-4, abs=1e-6)


@in_every_column
def test_an_activation_is_part_of_the_fit_where_an_example_is_given(
    column: Column, all_pay: None
) -> None:
    examples = [{}, {"example": column.native(normal(4, 16, 12, 10))}]
    reports = [
        replace(column, chain(column, *SMALL[2:3]), keep="weights", activation="relu", **example)[1]
        for example in examples
    ]

    assert [report.replaced[0].notes for report in reports] == [
        ("its weights are kept as if it had no relu: give an `example`",),
        (),
    ]


@in_every_column
def test_a_model_that_an_example_does_not_fit_stays(column: Column) -> None:
    model = chain(column, *SMALL[:1])
    before = convolution_of(column, model, "stem")

    with pytest.raises(
        ArgumentError, match=r"^`example` must be what the model can be called with"
    ):
        replace(column, model, example=column.native(normal(1, 5, 12, 10)))
    with pytest.raises(ArgumentError, match=r"^`keep` must be one of weights, got 'all'"):
        replace(column, model, keep="all")
    assert convolution_of(column, model, "stem") is before


@in_every_column
def test_groups_and_what_is_not_finite_keep_no_weights(column: Column, all_pay: None) -> None:
    grouped = chain(column, *SMALL[4:5])
    stem = chain(column, *SMALL[:1])
    x = column.native(np.full_like(X, np.nan))

    reasons = [
        replace(column, model, keep="weights", **options)[1].kept[0].reason
        for model, options in ((grouped, {}), (stem, {"example": x}))
    ]

    assert reasons == [
        "its groups have other channels in a GhostConv, which can keep none of its weights",
        "its weights or its outputs are not finite",
    ]


@in_every_column
def test_an_example_changes_nothing_of_a_model_in_training(column: Column) -> None:
    images = digits()[0][:4]
    model = digits_network(column)
    before = column.run(model, images)
    if column.name == "ghost_torch":
        model.train()

    same, report = replace(column, model, include=(), example=column.native(images + 1))

    assert report.replaced == ()
    assert getattr(model, "training", True)
    np.testing.assert_array_equal(column.run(same, images), before)
