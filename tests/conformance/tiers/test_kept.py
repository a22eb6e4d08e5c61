"""The references that a run keeps for the next: the same verdicts, and when they are computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases import digits
from conformance.cases.case import Case
from conformance.cases.model import Model
from conformance.cases.traits import multiply_adds
from conformance.implementations.caching import REFERENCES, cache_folder
from conformance.implementations.local import LocalImplementation
from conformance.judging.verdict import Outcome
from conformance.oracle import adapter
from conformance.tiers import Settings, make_tiers, network
from conformance.tiers import kept as kept_references
from conformance.tiers.base import Tier

NAMES = ("family", "training", "sequence")
KEPT = Settings(kept=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of references in a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder() / REFERENCES


def nearly(architecture: str, config: Any, weights: Any) -> Any:
    """The oracle in float32, in one case of each tier off by a little more than is allowed."""
    built = adapter.build(*Model(architecture, config, weights).astype(np.float32))
    taps, step = built.taps, built.train_step
    built.taps = lambda x: {name: out * np.float32(1.001) for name, out in taps(x).items()}
    built.train_step = lambda x, v: step(x, v) | {"grad_input": np.zeros_like(x)}
    return built


def first(tier: Tier) -> Case:
    return min(tier.cases(), key=multiply_adds)


def outcomes(settings: Settings) -> list[Outcome]:
    found = []
    for tier in make_tiers(settings, NAMES):
        for build in (adapter.build, nearly):
            found.append(tier.judge(first(tier), LocalImplementation("mine", build)))
    return found


@pytest.mark.slow
def test_the_outcome_is_the_same_without_and_with_what_is_kept(folder: Path) -> None:
    without = outcomes(Settings())
    assert not folder.exists()
    computed, read = outcomes(KEPT), outcomes(KEPT)

    assert computed == without
    assert read == without
    assert len(list(folder.iterdir())) == len(NAMES)
    assert {outcome.status for outcome in without} == {"pass", "fail"}


def test_nothing_is_computed_that_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    (tier,) = make_tiers(KEPT, ["training"])
    computed = tier.reference(first(tier))  # type: ignore[attr-defined]
    monkeypatch.setattr(type(tier), "compute_reference", None)
    (later,) = make_tiers(KEPT, ["training"])
    read = later.reference(first(later))  # type: ignore[attr-defined]

    assert list(read.values) == list(computed.values)
    assert read.allowed == computed.allowed
    for name, value in computed.values.items():
        np.testing.assert_array_equal(read.values[name], value, strict=True)


def test_the_network_of_the_digits_is_trained_for_later_runs_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = []

    def train(folder: Path) -> None:
        trained.append(folder)
        for name in (digits.WEIGHTS, digits.IMAGES):
            (folder / name).write_text(f"{name} of training {len(trained)}")

    monkeypatch.setattr(network, "train_digits", train)
    monkeypatch.setattr(network, "load", lambda *paths: [path.read_text() for path in paths])
    first, later, anew = (
        network.NetworkTier(settings)._data() for settings in (KEPT, KEPT, Settings())
    )

    assert later == first
    assert anew != first
    assert len(trained) == 2


def test_other_code_has_references_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_references.Kept(True).arrays("a", lambda: {"x": np.zeros(1)})
    kept_references._origin.cache_clear()
    monkeypatch.setattr(kept_references, "code_of", lambda names: {"conformance": "other"})
    found = kept_references.Kept(True).arrays("a", lambda: {"x": np.ones(1)})
    kept_references._origin.cache_clear()

    assert found["x"] == 1
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("size", [0, 10, 200, -1])
def test_a_torn_entry_is_computed_anew(folder: Path, size: int) -> None:
    def arrays() -> Any:
        return kept_references.Kept(True).arrays("a", lambda: {"x": np.arange(50)})

    arrays()
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:size])

    np.testing.assert_array_equal(arrays()["x"], np.arange(50))
    np.testing.assert_array_equal(np.load(path)["x"], np.arange(50))


def test_a_flipped_bit_is_seen(folder: Path) -> None:
    kept_references.Kept(True).arrays("a", lambda: {"x": np.arange(50)})
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    found = kept_references.Kept(True).arrays("a", lambda: {"x": np.arange(50)})

    np.testing.assert_array_equal(found["x"], np.arange(50))


def test_a_folder_that_cannot_be_written_ends_nothing(folder: Path) -> None:
    folder.parent.write_text("a file where the folder would be")

    found = kept_references.Kept(True).arrays("a", lambda: {"x": np.ones(1)})

    assert found["x"] == 1
