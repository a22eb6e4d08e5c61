"""Whatever is given: the numbers of the oracle or its error, the same in all frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from conformance.cases.family import family_cases
from conformance.oracle import weights_io
from tests.columns import COLUMNS, tensors_of
from weights import GhostError

pytestmark = pytest.mark.slow

STRANGE = st.sampled_from(
    [None, "3", 0, -1, 2.5, float("nan"), float("inf"), True, (1, 2, 3), [], {}, 10**30, b"1", 1j]
)
SIZES = st.integers(1, 4)
PAIRS = st.one_of(SIZES, st.tuples(SIZES, SIZES))
SOUND = {
    "c_in": st.integers(1, 5),
    "c_out": st.integers(1, 9),
    "kernel_size": PAIRS,
    "ratio": st.sampled_from([1, 1.5, 2, 2, 3, 4]),
    "dw_kernel_size": st.sampled_from([1, 3, 3, 5]),
    "stride": PAIRS,
    "padding": st.integers(0, 2),
    "dilation": st.integers(1, 2),
    "groups": st.sampled_from([1, 1, 1, 2]),
    "bias": st.booleans(),
    "split": st.sampled_from(["round", "round", "ceil", "floor"]),
    "activation": st.sampled_from(["relu", "relu6", "silu", "hard_swish", "identity"]),
    "bn_eps": st.sampled_from([1e-5, 1e-3]),
    "bn_momentum": st.sampled_from([0.1, 1.0]),
    "form": st.sampled_from(["training", "training", "folded"]),
}
LAYERS = [case for case in family_cases("family") if "num_classes" not in case.config]
DTYPES = st.sampled_from(["float32", "float32", "float32", "int32", "uint8", "bool", "complex64"])


@st.composite
def calls(draw: Any) -> tuple[dict[str, Any], tuple[int, ...], str]:
    """Arguments of which up to two are strange, the shape of an input, and its dtype."""
    config = {name: draw(strategy) for name, strategy in SOUND.items()}
    for name in draw(st.lists(st.sampled_from(sorted(SOUND)), max_size=2)):
        if draw(st.booleans()):
            config[name] = draw(STRANGE)
    channels = config["c_in"] if type(config["c_in"]) is int and 0 < config["c_in"] < 9 else 3
    rank = draw(st.sampled_from([4, 4, 4, 4, 3, 5]))
    channels += draw(st.sampled_from([0, 0, 0, 1]))
    shape = (2, channels, draw(st.integers(1, 9)), draw(st.integers(1, 9)), 1)[:rank]
    return config, shape, draw(DTYPES)


def outcome(build: Any, run: Any) -> np.ndarray | str:
    """The output, or the words of the error; anything but a `GhostError` is raised."""
    try:
        return run(build())
    except GhostError as error:
        return str(error)


def agree(architecture: str, config: dict[str, Any], x: np.ndarray) -> None:
    """Every column gives the oracle's numbers, or its error, for that module and input."""
    try:
        tensors = tensors_of(architecture, **config)
    except GhostError as error:
        for column in COLUMNS:
            kind = column.package.weights_io.ARCHITECTURES[architecture].__name__
            with pytest.raises(GhostError) as caught:
                column.make(kind, **config)
            assert str(caught.value) == str(error), column
        return

    exact = {name: array.astype(np.float64) for name, array in tensors.items()}
    given_x = x.astype(np.float64) if x.dtype == "float32" else x
    wanted = outcome(
        lambda: weights_io.build(architecture, config, exact), lambda layer: layer(given_x)
    )
    for column in COLUMNS:
        found = outcome(
            lambda column=column: column.load(architecture, tensors, **config),
            lambda layer, column=column: column.run(layer, x),
        )
        assert isinstance(found, str) == isinstance(wanted, str), (column, found, wanted)
        if isinstance(wanted, str):
            assert found == wanted, column
        else:
            scale = max(1.0, float(np.abs(wanted).max(initial=0)))
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * scale)


@st.composite
def other_calls(draw: Any) -> tuple[str, dict[str, Any], np.ndarray]:
    """A module of the family's cases with up to two strange arguments, and an input."""
    case = draw(st.sampled_from(LAYERS))
    config = dict(case.config)
    for name in draw(st.lists(st.sampled_from(sorted(config)), max_size=2)):
        config[name] = draw(STRANGE)
    shape = list(case.input_shape)
    shape[draw(st.integers(0, 3))] += draw(st.sampled_from([0, 0, 1]))
    rank = draw(st.sampled_from([4, 4, 4, 3]))
    x = np.random.default_rng(0).normal(size=shape[:rank])
    return case.architecture, config, x.astype(draw(DTYPES))


@pytest.mark.matrix
@seed(20260103)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(call=other_calls())
def test_a_call_of_another_module_gives_the_oracles_numbers_or_its_error(call: Any) -> None:
    agree(*call)


@seed(20260102)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(call=calls())
def test_a_call_gives_the_oracles_numbers_or_its_error(call: Any) -> None:
    config, shape, dtype = call
    agree("ghost_conv", config, np.random.default_rng(0).normal(size=shape).astype(dtype))
