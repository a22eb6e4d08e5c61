"""No argument is too large for a framework; nothing is built to see how much it asks for."""

from __future__ import annotations

import itertools
import tracemalloc
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle.weights_io import build
from tests.columns import Column, in_every_column, normal, tensors_of
from tests.timing import soon
from weights import ARCHITECTURES, ArgumentError, MismatchError, check_demand, configure
from weights.limits import LIMITS
from weights.text import brief

REQUIRED: dict[str, dict[str, Any]] = {
    "ghost_conv": {"c_in": 8, "c_out": 16},
    "ghost_conv_v2": {"c_in": 8, "c_out": 16},
    "ghost_conv_v3": {"c_in": 8, "c_out": 16},
    "squeeze_excite": {"channels": 8},
    "ghost_bottleneck": {"c_in": 8, "c_mid": 16, "c_out": 8},
    "rep_ghost_conv": {"c_in": 8, "c_out": 16},
    "rep_ghost_bottleneck": {"c_in": 8, "c_mid": 16, "c_out": 8},
    "c3_ghost": {"c1": 8, "c2": 16},
}
# Rates have a maximum of their own, an eps none: any finite number is one.
WITHOUT_LIMIT = {"bn_eps", "bn_momentum", "dropout"}
ARGUMENTS = [
    (architecture, name)
    for architecture, kind in ARCHITECTURES.items()
    for name in signature(kind).parameters
]
HUGE = (2**31, 2**63 - 1, 2**63, 10**400, 10**5000, 1e308, -(10**5000))
STRANGE = (*HUGE, "x" * 10**6, [0] * 10**6, "ceil", "folded", "relu", object())
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.integers(0, len(STRANGE) - 1).map(lambda index: STRANGE[index]),  # not to be printed
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
MOST_TEXT = 1000


@st.composite
def descriptions(draw: Any) -> tuple[str, Any]:
    """An architecture, and a configuration of which up to three arguments are anything."""
    architecture = draw(st.sampled_from(sorted(ARCHITECTURES)))
    names = st.sampled_from([*signature(ARCHITECTURES[architecture]).parameters]) | st.text()
    changed = draw(st.dictionaries(names, ANYTHING, max_size=3))
    return architecture, draw(st.just(REQUIRED.get(architecture, {}) | changed) | ANYTHING)


@pytest.mark.slow
@given(descriptions())
@settings(max_examples=200)
def test_anything_is_a_configuration_or_an_argument_error(described: tuple[str, Any]) -> None:
    architecture, config = described
    try:
        with soon():
            checked = configure(architecture, config)
    except ArgumentError as error:
        assert len(str(error)) < MOST_TEXT
    else:
        assert configure(architecture, checked.to_dict()) == checked
        assert all(size > 0 for spec in checked.tensors() for size in spec.shape)


@pytest.mark.parametrize(("architecture", "name"), ARGUMENTS)
def test_every_argument_refuses_what_is_of_no_use(architecture: str, name: str) -> None:
    for value in (*HUGE, float("nan"), float("inf"), "\x1b[2J", b"1", [], {}, 1j, object()):
        if name in WITHOUT_LIMIT and value in (1e308, 2**31, 2**63 - 1, 2**63):
            continue
        with pytest.raises(ArgumentError) as caught:
            configure(architecture, REQUIRED.get(architecture, {}) | {name: value})
        assert str(caught.value).isprintable() and len(str(caught.value)) < MOST_TEXT


@pytest.mark.parametrize("name", ["attention", "primary_skip"])
@pytest.mark.parametrize("value", ["yes", 7, 1, 0, None, float("nan")])
def test_a_switch_of_a_bottleneck_is_true_or_false(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        configure("ghost_bottleneck", REQUIRED["ghost_bottleneck"] | {name: value})

    assert str(caught.value) == f"`{name}` must be True or False, got {value!r}"


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_every_limit_says_how_to_raise_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from weights.limits import check_limit

    limit = LIMITS[name]
    check_limit(name, limit.default, limit.default)
    with pytest.raises(ArgumentError) as caught:
        check_limit(name, limit.default + 1, limit.default + 1)
    assert str(caught.value) == (
        f"`{name}` must be at most {limit.default}, got {limit.default + 1}: use a smaller one, "
        f"or raise the limit by the environment variable {limit.variable}"
    )

    monkeypatch.setenv(limit.variable, str(limit.default + 1))
    check_limit(name, limit.default + 1, limit.default + 1)


@pytest.mark.parametrize("text", ["much", "", "-1", "1.5", "\u00b2", "9" * 5000])
def test_a_limit_is_a_whole_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHOSTCONV_LARGEST_STRIDE", text)

    with pytest.raises(ArgumentError, match="GHOSTCONV_LARGEST_STRIDE must be a whole number, got"):
        configure("ghost_conv", REQUIRED["ghost_conv"])


@in_every_column
@pytest.mark.parametrize(
    "changed",
    [{"stride": 2**31}, {"stride": 2**63 - 1}, {"padding": 10**9}, {"dilation": 2**31 - 1}],
    ids=str,
)
def test_what_would_end_a_framework_is_refused_before_it(
    column: Column, changed: dict[str, int]
) -> None:
    with pytest.raises(ArgumentError, match="must be at most 1024, got"):
        column.make("GhostConv", 2, 4, **changed)


@pytest.mark.parametrize(
    ("architecture", "changed"),
    [("c3_ghost", {"n": 10**9}), ("ghost_conv_v3", {"branches": 10**9})],
)
def test_nothing_is_built_to_see_that_a_file_holds_less(
    architecture: str, changed: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHOSTCONV_LARGEST_REPEATS", str(10**9))
    tracemalloc.start()
    config = configure(architecture, REQUIRED[architecture] | changed)

    assert len(list(itertools.islice(config.tensors(), 100))) == 100
    with pytest.raises(MismatchError) as caught:
        check_demand(config, 30, 10**6, "cannot read x")
    _, largest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert largest < 10**6
    assert caught.value.problems == (
        "the configuration asks for more than the 30 tensors of 1000000 bytes that are there",
    )


def test_a_file_holds_as_many_bytes_as_its_configuration_asks_for() -> None:
    config = configure("ghost_conv", REQUIRED["ghost_conv"])
    tensors = list(config.tensors())
    numbers = sum(spec.shape[0] * (len(spec.shape) == 1) for spec in tensors) + 8 * 8 + 8 * 9

    check_demand(config, len(tensors), 2 * numbers, "cannot read x")  # float16
    with pytest.raises(MismatchError, match="asks for more than the 10 tensors of"):
        check_demand(config, len(tensors), 2 * numbers - 1, "cannot read x")
    with pytest.raises(MismatchError, match="asks for more than the 9 tensors of"):
        check_demand(config, len(tensors) - 1, 2 * numbers, "cannot read x")


@pytest.mark.parametrize(
    ("config", "code", "text"),
    [
        ('{"num_class": 10}', 2, "got an unexpected keyword argument 'num_class': is `num_class"),
        ('{"width": 30}', 2, "`width` must be at most 16, got 30: use a smaller one, or raise"),
        ('{"width": 1e308}', 2, "`width` must be at most 16, got 1e+308: use"),
        ('{"width": NaN}', 2, "`width` must be a finite number above 0, got nan"),
        (f'{{"width": {"9" * 5000}}}', 2, "must be a JSON object such as"),
        ("[" * 10**5, 2, "must be a JSON object such as"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_command_line_refuses_a_configuration_in_few_words(
    config: str, code: int, text: str
) -> None:
    from click.testing import CliRunner

    from weights.commands.cli import main

    result = CliRunner().invoke(main, ["summary", "ghostnet_100", "--config", config])

    assert (result.exit_code, type(result.exception)) == (code, SystemExit)
    assert text in result.output and len(result.output) < MOST_TEXT


class _Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("relu", "'relu'"),
        ((3, 5), "(3, 5)"),
        ("x" * 10**6, f"'{'x' * 37}...{'x' * 38}'"),
        (10**400, "an integer of about 401 digits"),
        ([[[[[1]]]]], "[[[[...]]]]"),
        ("\x1b[2J", "'\\x1b[2J'"),
        (_Unspeakable(), "<_Unspeakable instance at"),
    ],
)
def test_what_a_stranger_gave_is_shown_shortened(value: Any, text: str) -> None:
    assert brief(value).startswith(text) and len(brief(value)) <= 323


@pytest.mark.matrix
@in_every_column
def test_the_largest_kernel_is_computed_in_every_framework(column: Column) -> None:
    config = {"c_in": 1, "c_out": 2, "dw_kernel_size": 2**10 - 1}
    tensors, x = tensors_of("ghost_conv", **config), normal(1, 1, 5, 4)

    out = column.run(column.load("ghost_conv", tensors, **config), x)

    wanted = build("ghost_conv", config, tensors)(x.astype(np.float64))
    assert np.abs(out - wanted).max() < 1e-5 * np.abs(wanted).max()
