"""The walk through the parts of a module of the oracle."""

from __future__ import annotations

import pytest

from conformance.oracle import GhostBottleneck, GhostConv, GhostNet
from conformance.oracle.training import set_training
from conformance.oracle.walk import parts
from conformance.oracle.weighted import BatchNorm, Convolution, Linear


class OwnBatchNorm(BatchNorm):
    pass


class OwnBottleneck(GhostBottleneck):
    pass


def test_the_module_itself_is_a_part() -> None:
    layer = GhostConv(4, 8)

    assert list(parts(layer, GhostConv)) == [layer]


@pytest.mark.parametrize(("kind", "count"), [(Convolution, 2), (BatchNorm, 2), (Linear, 0)])
def test_every_layer_is_found_once(kind: type, count: int) -> None:
    assert len(list(parts(GhostConv(4, 8), kind))) == count


def test_blocks_in_lists_are_entered() -> None:
    network = GhostNet(width=0.25, num_classes=3)

    assert len(list(parts(network, GhostBottleneck))) == 16
    assert len(list(parts(network, Linear))) == 1


def test_subclasses_from_elsewhere_are_found_and_entered() -> None:
    block = GhostBottleneck(8, 16, 8)
    before = len(list(parts([block], BatchNorm)))
    block.__class__ = OwnBottleneck
    for norm in parts(block, BatchNorm):
        norm.__class__ = OwnBatchNorm

    set_training([block], True)

    found = list(parts([block], OwnBatchNorm))
    assert len(found) == before > 0
    assert all(norm.training for norm in found)
