"""`replace_convolutions`: what becomes a GhostConv, what stays and why, as in every framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.columns import Column, in_every_column, normal
from tests.frameworks.ghostify_models import SMALL, VGG, chain, convolution_of, parameters, replace
from tests.skeleton import Skeleton
from weights import ArgumentError, GhostConvConfig
from weights.frameworks import PACKAGES

pytestmark = pytest.mark.slow  # XLA compiles the fresh kernels of every shape

REPOSITORY = Path(__file__).resolve().parents[2]
X = normal(2, 3, 12, 10)

NAMES = ("replace_convolutions", "replaced", "is_convolution", "obstacle", "arguments", "notes")
MEASURES = ("inputs", "timed", "outputs", "activated", "variables")
PUBLIC = tuple(f"def {name}(" for name in NAMES + MEASURES)

# Counted by hand: kernels of the plain convolutions, and of both halves.
REPORT = """\
5 convolutions replaced (6,032 weights now 3,394), 2 left
  replaced  stem       3 to 16 channels, kernel 3x3, 432 weights now 288
  replaced  pointwise  16 to 16 channels, kernel 1x1, 256 weights now 200; its bias is left to the \
batch normalisation
  replaced  dilated    16 to 20 channels, kernel 3x3, 2,880 weights now 1,530
  replaced  grouped    20 to 16 channels, kernel 3x3, 1,440 weights now 792
  replaced  strided    16 to 16 channels, kernel 2x2, 1,024 weights now 584
  left      depthwise  a depthwise convolution, cheap already
  left      mask       `c_out` must be at least `min_channels` = 4, got 1"""

MISTAKES = [
    ({"ratio": 0}, "`ratio` must be a finite number above 0, got 0"),
    ({"ratio": 1.5, "split": "ceil"}, "`ratio` must be an integer for split 'ceil', got 1.5"),
    ({"dw_kernel_size": 2}, "`dw_kernel_size` must be odd, got 2"),
    ({"split": "middle"}, "`split` must be one of round, ceil, floor, got 'middle'"),
    ({"activation": "tanh"}, "`activation` must be one of relu, relu6, silu, hard_swish, identity"),
    ({"min_channels": 0}, "`min_channels` must be an integer of at least 1, got 0"),
    ({"exclude": "stem"}, "`exclude` must be a sequence of patterns, got 'stem'"),
    (
        {"exclude": ("stem", "steam.*")},
        "every pattern of `exclude` must match a module, got 'steam.*', which matches none of '",
    ),
    ({"include": None}, "`include` must be a sequence of patterns, got None"),
    ({"include": ("x",)}, "every pattern of `include` must match a module, got 'x'"),
]


def paths(entries: tuple[Any, ...]) -> list[str]:
    return [each.path for each in entries]


@pytest.mark.parametrize(
    "file",
    [f"replacing/{name}.py" for name in ("replace", "models", "convolutions", "measuring")],
)
def test_the_columns_have_the_same_functions(file: str) -> None:
    reader = Skeleton(is_interface=True)
    columns = [reader.lines((REPOSITORY / name / file).read_text()) for name in PACKAGES]
    functions = [[fact for fact in column if fact.startswith(PUBLIC)] for column in columns]

    assert functions[0]
    assert functions[1:] == functions[:1] * 2


@in_every_column
def test_the_report_names_every_convolution(column: Column) -> None:
    _, report = replace(column, chain(column, *SMALL))

    assert repr(report) == REPORT


@in_every_column
def test_a_configuration_is_that_of_the_convolution(column: Column) -> None:
    _, report = replace(column, chain(column, *SMALL[3:6]), 4, 5, split="ceil", activation="silu")

    configs = {each.path: each.config for each in report.replaced}
    shared = {"ratio": 4, "dw_kernel_size": 5, "split": "ceil", "activation": "silu"}
    assert configs["dilated"] == GhostConvConfig(16, 20, 3, padding=2, dilation=2, **shared)
    assert configs["strided"] == GhostConvConfig(16, 16, 2, stride=2, **shared)


@in_every_column
def test_the_output_keeps_its_shape(column: Column) -> None:
    model = chain(column, *SMALL)
    before = column.run(model, X).shape

    replaced, _ = replace(column, model)

    assert column.run(replaced, X).shape == before


@in_every_column
def test_a_vgg_halves_its_parameters(column: Column) -> None:
    plain = parameters(column, chain(column, *VGG))

    replaced, report = replace(column, chain(column, *VGG), split="ceil", min_channels=16)

    # 3x64, 64x64, 64x128 and 128x128 kernels of 9; then half of each, a cheap kernel of 9 for every
    # channel of that half, and a scale and a shift for every channel.
    assert paths(report.replaced) == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    assert plain == 9 * (3 * 64 + 64 * 64 + 64 * 128 + 128 * 128) + 128 * 10
    assert parameters(column, replaced) == (
        9 * (3 * 32 + 64 * 32 + 64 * 64 + 128 * 64) + (9 + 4) * (32 + 32 + 64 + 64) + 128 * 10
    )


@in_every_column
@pytest.mark.parametrize(
    ("choice", "replaced"),
    [
        ({"exclude": ("stem", "d*")}, ["pointwise", "grouped", "strided"]),
        ({"include": ("*ed",)}, ["dilated", "grouped", "strided"]),
        ({"include": ("*ed",), "exclude": ("strided",)}, ["dilated", "grouped"]),
        ({"min_channels": 20}, ["dilated"]),
        ({"include": ()}, []),
    ],
)
def test_a_choice_is_kept(column: Column, choice: dict[str, Any], replaced: list[str]) -> None:
    _, report = replace(column, chain(column, *SMALL), **choice)

    assert paths(report.replaced) == replaced
    assert len(report.kept) == len(SMALL) - len(replaced)


@in_every_column
@pytest.mark.parametrize(("mistake", "text"), MISTAKES)
def test_a_mistake_changes_nothing(column: Column, mistake: dict[str, Any], text: str) -> None:
    model = chain(column, *SMALL[:2])
    before = convolution_of(column, model, "stem")

    with pytest.raises(ArgumentError) as caught:
        replace(column, model, **mistake)

    assert str(caught.value).startswith(text)
    assert convolution_of(column, model, "stem") is before


@in_every_column
def test_what_was_replaced_is_left_whole_the_second_time(column: Column) -> None:
    model, first = replace(column, chain(column, *SMALL))

    _, second = replace(column, model)

    assert second.replaced == ()
    reasons = {each.path: each.reason for each in second.kept}
    assert {reasons[path] for path in paths(first.replaced)} == {
        "GhostConv: a module of this package stays whole"
    }


@in_every_column
def test_a_convolution_alone_is_refused(column: Column) -> None:
    alone = convolution_of(column, chain(column, *SMALL), "stem")

    with pytest.raises(ArgumentError, match=r"must contain its convolutions, got a Conv.*, which"):
        replace(column, alone)


@in_every_column
def test_what_is_no_model_is_refused(column: Column) -> None:
    with pytest.raises(ArgumentError, match=r"`model` must be a .*(Module|Model), got list"):
        replace(column, [])
