"""The process of an implementation: the parent learns what went wrong in it, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import NotSupported
from conformance.cases import tensors
from conformance.cases.layers import layer_cases
from conformance.cases.model import Model
from conformance.implementations.errors import ImplementationRaised, ProcessDied, TimedOut
from conformance.implementations.process import ProcessImplementation

pytestmark = pytest.mark.slow

CASE = next(layer_cases("module", ["normal"]))
WEIGHTS, X = tensors.make(CASE)
MODEL = Model(CASE.architecture, CASE.config, WEIGHTS)


@contextmanager
def implementation(name: str, seconds: float = 30) -> Iterator[ProcessImplementation]:
    process = ProcessImplementation(f"tests.conformance.fakes:{name}", seconds)
    try:
        yield process
    finally:
        process.close()


def test_a_right_answer_arrives() -> None:
    with implementation("Fake") as process:
        assert process.call(MODEL, X).shape == (2, 16, 8, 8)


def test_one_that_was_ended_before_it_started_does_not_live() -> None:
    # As an interrupt may come while a further process starts.
    with implementation("Hangs") as process:
        process.kill()
        with pytest.raises(ProcessDied):
            process.call(MODEL, X)


def test_one_that_hangs_times_out_and_starts_anew() -> None:
    with implementation("Hangs", seconds=0.2) as process:
        for _ in range(2):
            with pytest.raises(TimedOut, match=r"no result within 0\.2 s"):
                process.call(MODEL, X)


def test_one_that_exits_is_quoted() -> None:
    with (
        implementation("Exits") as process,
        pytest.raises(ProcessDied, match=r"exit code 7; its last output:\nthese are my last words"),
    ):
        process.call(MODEL, X)


def test_one_that_crashes_is_told_by_its_signal() -> None:
    with implementation("Crashes") as process, pytest.raises(ProcessDied, match="exit code -11"):
        process.call(MODEL, X)


def test_one_that_died_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS_ONCE", str(tmp_path / "marker"))
    with implementation("FailsOnce") as process:
        with pytest.raises(ProcessDied):
            process.call(MODEL, X)
        assert process.call(MODEL, X).shape == (2, 16, 8, 8)


@pytest.mark.parametrize(
    ("name", "type_name", "text"),
    [
        ("Raises", "RuntimeError", "out of ideas"),
        ("ChangesInput", "ArgumentError", "it changed its input in place"),
        (
            "KeepsInput",
            "ArgumentError",
            "it keeps a reference to its input, which is its caller's",
        ),
        ("ReturnsNothing", "TypeError", "the result must be an array of numbers, got NoneType"),
    ],
)
def test_one_that_raises_is_told_by_type_and_text(name: str, type_name: str, text: str) -> None:
    with implementation(name) as process, pytest.raises(ImplementationRaised) as caught:
        process.call(MODEL, X)
    assert (caught.value.type_name, caught.value.text) == (type_name, text)


@pytest.mark.parametrize("name", ["Prints", "ReturnsLists", "KeepsFrame"])
def test_odd_manners_do_not_matter(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with implementation(name) as process, implementation("Fake") as right:
        for _ in range(2):
            np.testing.assert_array_equal(process.call(MODEL, X), right.call(MODEL, X))
    assert capfd.readouterr() == ("", "")


def test_a_refusal_is_not_supported() -> None:
    with implementation("Refuses") as process, pytest.raises(NotSupported, match="no even kernels"):
        process.call(MODEL, X)


@pytest.mark.parametrize("method", ["state", "save", "taps", "train_step"])
def test_a_method_that_is_absent_is_not_supported(method: str) -> None:
    arguments = {
        "state": (),
        "save": (Path("nowhere"),),
        "taps": (X,),
        "train_step": (X, X),
    }
    with (
        implementation("Fake") as process,
        pytest.raises(NotSupported, match=f"it has no method '{method}'"),
    ):
        getattr(process, method)(MODEL, *arguments[method])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "tests.conformance.no_such_module:build",
            "cannot import tests.conformance.no_such_module",
        ),
        ("tests.conformance.fakes:absent", "tests.conformance.fakes has no function 'absent'"),
    ],
)
def test_a_name_that_leads_nowhere_says_so(name: str, text: str) -> None:
    process = ProcessImplementation(name)
    try:
        with pytest.raises(ImplementationRaised, match=text):
            process.call(MODEL, X)
    finally:
        process.close()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("train_step", (X, X)), ("resave", (Path("nowhere"), Path("nowhere")))],
)
def test_an_object_that_failed_half_way_is_not_used_again(
    method: str, arguments: tuple[Any, ...]
) -> None:
    with implementation("FailsHalfWay") as process:
        before = process.call(MODEL, X)
        with pytest.raises(ImplementationRaised, match="half way"):
            getattr(process, method)(MODEL, *arguments)
        np.testing.assert_array_equal(process.call(MODEL, X), before)


def test_control_characters_of_an_exception_arrive_as_escapes() -> None:
    with (
        implementation("RaisesControls") as process,
        pytest.raises(ImplementationRaised) as caught,
    ):
        process.call(MODEL, X)
    assert caught.value.text == r"\x1b[31mred\x00\ud800"


def test_one_that_cannot_be_imported_says_so_every_time() -> None:
    with implementation("absent") as process:
        for _ in range(2):
            with pytest.raises(ImplementationRaised, match="has no function 'absent'"):
                process.call(MODEL, X)
