"""The rules about convolutions that every framework shares, on modules that are candidates."""

from __future__ import annotations

from typing import Any

import pytest

from weights import ArgumentError, GhostConvConfig
from weights.replacing.reasons import Candidate, symmetric_padding
from weights.replacing.report import Kept, Replacement, ReplacementReport
from weights.replacing.rules import Rules

CONVOLUTION: dict[str, Any] = {
    "c_in": 16,
    "c_out": 32,
    "kernel_size": (3, 3),
    "stride": (1, 1),
    "padding": "same",
    "dilation": (1, 1),
    "groups": 1,
}


def judge(rules: Rules, *places: tuple[str, Any]) -> ReplacementReport:
    """The report on modules that are themselves what a framework would make of them."""
    return rules.report(places, lambda module: module)


def candidate(**changes: Any) -> Candidate:
    return Candidate({**CONVOLUTION, **changes})


@pytest.mark.parametrize(
    ("padding", "kernel_size", "stride", "dilation", "wanted"),
    [
        ("valid", (3, 2), (2, 1), (1, 1), (0, 0)),
        ("same", (3, 5), (1, 1), (1, 1), (1, 2)),
        ("same", (3, 2), (1, 1), (2, 2), (2, 1)),
        ("same", (1, 1), (2, 2), (1, 1), (0, 0)),
        ("same", (1, 3), (2, 1), (1, 1), (0, 1)),
        (2, (3, 3), (2, 2), (1, 1), (2, 2)),
        ((1, 0), (3, 3), (2, 2), (1, 1), (1, 0)),
        ([(2, 2), (1, 1)], (3, 3), (1, 1), (1, 1), (2, 1)),
        ([(1, 1), 3], (3, 3), (1, 1), (1, 1), (1, 3)),
    ],
)
def test_padding_is_the_same_on_both_sides(
    padding: Any, kernel_size: Any, stride: Any, dilation: Any, wanted: Any
) -> None:
    assert symmetric_padding(padding, kernel_size, stride, dilation) == wanted


@pytest.mark.parametrize(
    ("padding", "kernel_size", "stride", "geometry"),
    [
        ("same", (2, 2), (1, 1), "kernel_size 2, stride 1"),
        ("same", (3, 3), (1, 2), "kernel_size 3, stride [1, 2]"),
        ([(0, 1), (0, 1)], (3, 3), (2, 2), "kernel_size 3, stride 2"),
    ],
)
def test_uneven_padding_is_refused(
    padding: Any, kernel_size: Any, stride: Any, geometry: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        symmetric_padding(padding, kernel_size, stride, (1, 1))

    assert str(caught.value) == (
        f"it pads one side more than the other, GhostConv pads both alike; got {geometry}"
    )


@pytest.mark.parametrize(
    ("examined", "rules", "reason"),
    [
        ("it is quantised", {}, "it is quantised"),
        ("it is quantised", {"exclude": ("block",)}, "excluded by 'block'"),
        (candidate(), {"exclude": ("*.conv",)}, "excluded by '*.conv'"),
        (candidate(), {"include": ()}, "not among those included: none"),
        (candidate(groups=16), {}, "a depthwise convolution, cheap already"),
        (candidate(), {"ratio": 1}, "at ratio 1 none of its channels is a ghost"),
        (
            candidate(c_in=8, c_out=16, kernel_size=(1, 1)),
            {},
            "a GhostConv would save nothing: 136 weights in its kernels for 128",
        ),
        (
            candidate(groups=8),
            {"ratio": 3, "split": "ceil"},
            "`groups` must divide the primary channels `c_int`, got 8 for 11",
        ),
        (
            candidate(c_out=31),
            {"split": "floor"},
            "`ratio` must divide `c_out` for split 'floor', got 2 for 31: use split 'round' or "
            "'ceil'",
        ),
        (candidate(padding=-1), {}, "`padding` must be at least 0, got -1"),
    ],
)
def test_what_is_left_has_a_reason(examined: Any, rules: dict[str, Any], reason: str) -> None:
    report = judge(Rules(**rules), ("block", None), ("block.conv", examined))

    assert report == ReplacementReport((), (Kept("block.conv", reason),))


def test_an_argument_of_the_convolution_goes_before_that_of_all() -> None:
    report = judge(Rules(activation="silu"), ("conv", candidate(activation="relu6")))

    assert report.replaced[0].config.activation == "relu6"


def test_one_module_in_two_places_is_judged_once() -> None:
    shared, left = candidate(), "it is quantised"
    places = [("a", shared), ("b", left), ("c", shared), ("d", left)]

    report = judge(Rules(), *places)

    config = GhostConvConfig(16, 32, 3, padding=1)
    assert report.replaced == (Replacement("a", config, aliases=("c",)),)
    assert report.kept == (Kept("b", left, aliases=("d",)),)
    assert [str(each)[-9:] for each in (*report.replaced, *report.kept)] == [
        "also at c",
        "also at d",
    ]


def test_excluding_one_place_excludes_the_module() -> None:
    shared = candidate()

    report = judge(Rules(exclude=("b",)), ("a", shared), ("b", shared))

    assert report.replaced == ()


def test_a_long_list_of_modules_is_cut() -> None:
    places = [(f"layer{number}", None) for number in range(20)]

    with pytest.raises(ArgumentError, match=r"'layer8', 'layer9', and 10 more$"):
        judge(Rules(exclude=("x",)), *places)


def test_an_empty_report_is_one_line() -> None:
    assert str(judge(Rules(), ("", None))) == "0 convolutions replaced, 0 left"


def test_the_model_itself_is_named_so() -> None:
    report = judge(Rules(), ("", "it is quantised"))

    assert str(report).splitlines()[1] == "  left      (the model)  it is quantised"
