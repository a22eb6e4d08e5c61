"""The networks by PyTorch's own hub, from a checkout, and by timm, which `make extras` has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import hubconf
from ghost_torch.timm_models import register_with_timm
from weights import ArgumentError
from weights.networks.variants import VARIANTS

ROOT = str(Path(__file__).parents[2])


def test_the_hub_offers_every_published_network() -> None:
    assert sorted(hubconf.__all__) == sorted(VARIANTS)


@pytest.mark.slow
def test_the_hub_builds_a_network_with_its_arguments() -> None:
    network = torch.hub.load(ROOT, "ghostnet_050", source="local", num_classes=3).eval()

    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


def test_without_timm_the_registration_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(ArgumentError, match=r"timm must be installed, got .*: pip install timm"):
        register_with_timm()
