"""What the configurations of networks tell beside their tensors."""

from __future__ import annotations

import pytest

from weights import ARCHITECTURES, ArgumentError, configure
from weights.networks.ghostnet import GhostNetConfig
from weights.networks.summary import summarise
from weights.tensors import fit

WIDTHS = (0.5, 1.0, 1.6)


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    ("width", "output_stride"), [*((width, 32) for width in WIDTHS), (1.0, 16), (1.0, 8)]
)
def test_the_minimum_size_is_the_least_of_which_every_convolution_has_an_output(
    version: int, width: float, output_stride: int
) -> None:
    config = GhostNetConfig(version, width, output_stride=output_stride)
    least = next(size for size in range(1, 100) if fit(config.tensors_at((size, size))))

    assert config.minimum_size == least


@pytest.mark.parametrize("architecture", ["ghostnet", "ghostnetv2", "ghostnetv3"])
def test_a_ghostnet_is_counted_for_an_image_of_imagenet(architecture: str) -> None:
    assert configure(architecture, {}).default_size == (224, 224)


@pytest.mark.parametrize("architecture", ["ghost_resnet20", "ghost_resnet56", "ghost_vgg16"])
def test_a_network_for_cifar_is_counted_for_its_images(architecture: str) -> None:
    counts = summarise(architecture, {})

    assert (counts.height, counts.width) == (32, 32)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if "net" in name])
def test_a_network_without_classes_ends_in_its_features(architecture: str) -> None:
    config = configure(architecture, {"num_classes": 0})

    assert config.output_shape(2, 64, 64) == (2, config.output_channels)
    assert not any(spec.name.startswith(("classifier", "linear")) for spec in config.tensors())


def test_a_part_is_configured_once() -> None:
    config = GhostNetConfig(1)

    assert config.stages is config.stages
    assert config.stages[0][0].ghost1 is config.stages[0][0].ghost1


def test_a_plain_stem_has_no_ratio() -> None:
    assert configure("ghost_resnet20", {"plain_stem": True}).to_dict()["stem_ratio"] == 1
    with pytest.raises(ArgumentError) as caught:
        configure("ghost_resnet20", {"plain_stem": True, "stem_ratio": 3})

    assert str(caught.value) == (
        "`stem_ratio` is that of a ghost convolution, got 3 beside `plain_stem`: leave it out"
    )
