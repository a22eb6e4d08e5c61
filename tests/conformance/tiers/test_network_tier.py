"""Tier `network`: its digits are trained only for who has stages to be judged by."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import NotSupported
from conformance.implementations.local import LocalImplementation
from conformance.tiers import NetworkTier, network
from tests.conformance.fakes import Fake, TapsOneLogit


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The trainings that were begun; each ends at once."""
    begun: list[object] = []

    def train(folder: object) -> None:
        begun.append(folder)
        raise NotSupported("trained enough")

    monkeypatch.setattr("conformance.tiers.network.train_digits", train)
    return begun


def test_one_without_stages_is_skipped_untrained(trained: list[object]) -> None:
    tier = NetworkTier()

    for case in tier.cases():
        with pytest.raises(NotSupported, match="it has no method 'taps'"):
            tier.judge(case, LocalImplementation("mine", Fake))
    assert trained == []


def test_one_with_stages_has_the_digits_trained_once(trained: list[object]) -> None:
    tier, mine = NetworkTier(), LocalImplementation("mine", TapsOneLogit)

    for case in tier.cases():
        with pytest.raises(NotSupported, match="trained enough"):
            tier.judge(case, mine)
    assert len(trained) == 1


def test_training_that_takes_too_long_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(network, "TRAINING_SECONDS", 0.01)

    with pytest.raises(RuntimeError, match=r"took more than 0.01 s, .*: run again when less"):
        network.train_digits(tmp_path)
