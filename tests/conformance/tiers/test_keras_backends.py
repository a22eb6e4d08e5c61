"""`ghost_tf` on the backend that Keras finds: named in the table, trained by the same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import Status
from conformance.implementations.process import ProcessImplementation
from conformance.implementations.registry import environment
from conformance.reports.terminal import table
from conformance.running.results import Run
from conformance.running.runner import judge
from conformance.tiers import TrainingTier

pytest.importorskip("keras")


@pytest.fixture
def process() -> Iterator[ProcessImplementation]:
    """The package in a process of its own, not yet started."""
    process = ProcessImplementation("ghost_tf")
    yield process
    process.close()


def backend_found(process: ProcessImplementation) -> str:
    process.start()
    return process.versions["backend"]


@pytest.mark.matrix
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_backend_of_the_environment_takes_a_training_step(
    process: ProcessImplementation, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    tier = TrainingTier()
    case, *_ = tier.cases()

    verdict = judge(tier, case, process)

    assert (verdict.status, verdict.message) == (Status.PASS, "")
    assert process.versions["backend"] == backend
    assert {"keras", backend} <= process.versions.keys()


@pytest.mark.matrix
def test_the_backend_of_keras_own_file_is_followed(
    process: ProcessImplementation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch"}))

    assert backend_found(process) == "torch"


@pytest.mark.slow
def test_a_backend_without_gradients_is_refused(
    process: ProcessImplementation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "numpy")

    with pytest.raises(Exception, match="the backend of Keras must be tensorflow, torch, jax, got"):
        process.start()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ghost_tf", "torch"),
        ("ghost_tf.modes:xla", "tensorflow"),
        ("ghost_tf.backends:jax", "jax"),
    ],
)
def test_only_what_needs_one_backend_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, name: str, found: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")

    assert environment(name)["KERAS_BACKEND"] == found


def test_the_table_names_the_backend() -> None:
    run = Run([], {"ghost_tf": {"keras": "3", "backend": "jax"}, "oracle": {}}, 1.0)

    headings = [str(column.header) for column in table(run, [], []).columns]

    assert headings == ["tier", "ghost_tf\non jax", "oracle"]
