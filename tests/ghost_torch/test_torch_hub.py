"""The networks by PyTorch's own hub, from a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hubconf
from weights.networks.variants import VARIANTS

ROOT = str(Path(__file__).parents[2])


def test_the_hub_offers_every_published_network() -> None:
    assert sorted(hubconf.__all__) == sorted(VARIANTS)


@pytest.mark.slow
def test_the_hub_builds_a_network_with_its_arguments() -> None:
    network = torch.hub.load(ROOT, "ghostnet_050", source="local", num_classes=3).eval()

    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
