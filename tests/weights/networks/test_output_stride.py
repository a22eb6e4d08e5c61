"""Networks whose strides end earlier: what that changes, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.oracle.weights_io import FRAMEWORK
from tests.columns import assert_same_state, tensors_of
from weights import ArgumentError, MismatchError, configure, write_file
from weights.networks.features import FeaturesConfig

NETWORKS = ("ghostnet", "ghostnetv2", "ghostnetv3", "repghostnet")
REDUCTIONS = [
    (32, [2, 4, 8, 16, 32], 32),
    (16, [2, 4, 8, 16, 16], 16),
    (8, [2, 4, 8, 8, 8], 8),
]
TINY = {"width": 0.1, "num_classes": 3}


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize(("output_stride", "reductions", "last"), REDUCTIONS)
def test_no_feature_map_is_coarser(
    architecture: str, output_stride: int, reductions: list[int], last: int
) -> None:
    network = configure(architecture, {"output_stride": output_stride})

    assert FeaturesConfig(architecture, network).info.reduction() == reductions
    (deepest,) = FeaturesConfig(architecture, network, ("blocks.9",)).info
    assert deepest.reduction == last


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("form", ["training", "folded"])
def test_the_tensors_are_those_of_the_whole_stride(architecture: str, form: str) -> None:
    whole, finer = (
        list(configure(architecture, {"output_stride": stride, "form": form}).tensors())
        for stride in (32, 8)
    )

    assert finer == whole


def test_a_file_of_the_whole_stride_is_what_it_was() -> None:
    config = configure("ghostnet", {"output_stride": 32})

    assert "output_stride" not in config.to_dict()
    assert not any("dilation" in block.to_dict() for _, block in config.blocks())


def test_the_blocks_say_how_they_are_dilated() -> None:
    blocks = dict(configure("ghostnet", {"output_stride": 16}).blocks())

    first, other = blocks["blocks.7.0"], blocks["blocks.8.0"]
    assert [first.ghost1.to_dict().get("dw_dilation"), first.ghost2.dw_dilation] == [None, 2]
    assert [other.ghost1.dw_dilation, other.ghost2.dw_dilation] == [2, 2]
    assert (first.to_dict()["stride"], first.to_dict()["dilation"]) == (2, 2)


@pytest.mark.parametrize("architecture", ["ghost_resnet20", "ghost_vgg16"])
def test_a_network_of_fixed_strides_has_none(architecture: str) -> None:
    text = f"the configuration of {architecture} got an unexpected keyword argument 'output_stride'"

    with pytest.raises(ArgumentError, match=text):
        configure(architecture, {"output_stride": 16})


def written(path: Path) -> Path:
    """The file of a tiny network with its whole stride."""
    config = configure("ghostnet", TINY)
    write_file(path / "a.safetensors", "ghostnet", config.to_dict(), tensors_of("ghostnet", **TINY))
    return path / "a.safetensors"


def test_a_file_is_read_with_another_output_stride(tmp_path: Path) -> None:
    network = FRAMEWORK.from_file(written(tmp_path), output_stride=8)

    assert network.config["output_stride"] == 8
    assert_same_state(FRAMEWORK.state(network), tensors_of("ghostnet", **TINY))
    FRAMEWORK.save_weights(network, tmp_path / "b.safetensors")
    assert FRAMEWORK.from_file(tmp_path / "b.safetensors").config == network.config


def test_a_network_takes_no_file_of_another_output_stride(tmp_path: Path) -> None:
    network = FRAMEWORK.build(
        "ghostnet", {**TINY, "output_stride": 16}, tensors_of("ghostnet", **TINY)
    )

    with pytest.raises(MismatchError) as caught:
        FRAMEWORK.load_weights(network, written(tmp_path))

    assert caught.value.problems == (
        "`output_stride` is 32 in the file and 16 in the module: from_file(path, "
        "output_stride=16) builds the network with that one",
    )
