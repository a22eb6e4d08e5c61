"""Parameters and multiply-accumulates are the integers that the published networks have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from weights import ArgumentError
from weights.commands.cli import main
from weights.networks.summary import summarise
from weights.networks.variants import VARIANTS

# Counted on the authors' own PyTorch files, at 224x224.
GHOSTNETS = [
    ("ghostnet", {"width": 1.1}, 5_855_650, 166_986_864),
    ("ghostnetv3_050", {}, 3_395_384, 117_528_000),
    ("ghostnetv3_100", {}, 8_129_028, 404_128_320),
    ("ghostnetv3_130", {}, 12_217_720, 654_842_824),
    ("ghostnetv3_160", {}, 17_275_700, 971_574_612),
    ("repghostnet_050", {}, 2_313_968, 43_314_720),
    ("repghostnet_111", {}, 4_539_984, 170_124_224),
    ("repghostnet_200", {}, 9_796_124, 515_869_856),
]
# Those that are used with their branches merged.
BRANCHED = ("ghostnetv3", "repghostnet")
D_LI14 = {
    "head": "norm",
    "se_rounding": "floor",
    "shortcut_kernel_size": 3,
    "shortcut_activation": "relu",
}
D_LI14_COUNTS = [
    (0.5, 2_587_144, 42_133_384),
    (1.0, 5_180_840, 140_760_880),
    (1.3, 7_349_806, 226_481_480),
]

# Han et al., CVPR 2020, tables 5 to 7: millions of weights to 0.1, millions of operations cut off.
VGG = [
    ({"ratio": 2}, 7_650_474, 7.7, 158),
    ({"ratio": 3}, 5_218_476, 5.2, 107),
    ({"ratio": 4}, 3_982_362, 4.0, 80),
    ({"ratio": 5}, 3_269_697, 3.3, 65),
    ({"dw_kernel_size": 1}, 7_633_578, 7.6, 157),
    ({"dw_kernel_size": 5}, 7_684_266, 7.7, 160),
    ({"dw_kernel_size": 7}, 7_734_954, 7.7, 163),
]
VGG_ONE_LINEAR_LAYER = [
    ({"ratio": 2}, 7_387_818),
    ({"ratio": 3}, 4_955_820),
    ({"ratio": 4}, 3_719_706),
    ({"ratio": 5}, 3_007_041),
    ({"ratio": 1}, 14_724_042),
    ({"dw_kernel_size": 1}, 7_370_922),
    ({"dw_kernel_size": 5}, 7_421_610),
    ({"dw_kernel_size": 7}, 7_472_298),
]
VGG_PLAIN_STEM = [
    (2, 7_388_394, 158_437_376),
    (3, 4_956_554, 107_733_608),
    (4, 3_720_570, 81_055_232),
    (5, 3_007_948, 66_333_968),
]
RESNET = [
    ({"ratio": 1}, 853_018, 125_485_696),
    ({"ratio": 2}, 438_010, 65_139_328),
    ({"ratio": 2, "stem_ratio": 1}, 438_154, 65_286_784),
    ({"ratio": 2, "plain_stem": True}, 438_154, 65_286_784),
    ({"ratio": 3, "stem_ratio": 1}, 310_714, 48_112_768),
    ({"ratio": 4, "stem_ratio": 1}, 230_722, 35_187_328),
    ({"ratio": 5, "stem_ratio": 1}, 197_674, 32_832_640),
]


def counts(architecture: str, config: dict[str, Any]) -> tuple[int, int]:
    found = summarise(architecture, config)
    return found.parameters, found.multiply_accumulates


@pytest.mark.parametrize(("name", "config", "parameters", "macs"), GHOSTNETS)
def test_a_ghostnet_has_the_published_counts(
    name: str, config: dict[str, Any], parameters: int, macs: int
) -> None:
    assert counts(name, config) == (parameters, macs)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_the_counts_of_the_table_in_the_form_in_which_it_is_used(name: str) -> None:
    variant = VARIANTS[name]
    config = {"form": "deployed"} if variant.architecture in BRANCHED else {}

    assert counts(name, config) == (variant.parameters, variant.macs)


@pytest.mark.parametrize(("width", "parameters", "macs"), D_LI14_COUNTS)
def test_a_ghostnet_configured_like_d_li14s_has_its_counts(
    width: float, parameters: int, macs: int
) -> None:
    assert counts("ghostnet", {"width": width} | D_LI14) == (parameters, macs)


@pytest.mark.parametrize(("config", "parameters", "millions", "operations"), VGG)
def test_ghost_vgg16_has_the_counts_of_the_paper(
    config: dict[str, Any], parameters: int, millions: float, operations: int
) -> None:
    found, macs = counts("ghost_vgg16", config)

    assert found == parameters
    assert (round(found / 1e6, 1), macs // 10**6) == (millions, operations)


@pytest.mark.parametrize(("config", "parameters"), VGG_ONE_LINEAR_LAYER)
def test_ghost_vgg16_without_hidden_layer_has_its_counts(
    config: dict[str, Any], parameters: int
) -> None:
    assert counts("ghost_vgg16", config | {"hidden": False})[0] == parameters


@pytest.mark.parametrize(("ratio", "parameters", "macs"), VGG_PLAIN_STEM)
def test_ghost_vgg16_with_a_plain_first_convolution_has_its_counts(
    ratio: int, parameters: int, macs: int
) -> None:
    config = {"ratio": ratio, "hidden": False, "stem_ratio": 1}

    assert counts("ghost_vgg16", config) == (parameters, macs)


@pytest.mark.parametrize(("config", "parameters", "macs"), RESNET)
def test_ghost_resnet56_has_the_counts_of_the_paper(
    config: dict[str, Any], parameters: int, macs: int
) -> None:
    own_norm = {"norm": False, "split": "ceil"}

    assert counts("ghost_resnet56", config | own_norm) == (parameters, macs)


def test_the_command_prints_both_counts() -> None:
    result = CliRunner().invoke(main, ["summary", "ghostnet_100"])

    assert result.exit_code == 0
    assert "5,182,508" in result.output
    assert "141,150,512" in result.output


def test_the_command_prints_json_for_a_size_and_a_configuration() -> None:
    arguments = ["summary", "ghost_conv", "--config", '{"c_in": 8, "c_out": 16}', "--size", "4x6"]
    result = CliRunner().invoke(main, [*arguments, "--json"])

    assert json.loads(result.output) == {
        "architecture": "ghost_conv",
        "parameters": 168,
        "statistics": 32,
        "height": 4,
        "width": 6,
        "multiply_accumulates": (8 * 8 + 8 * 9) * 4 * 6,
    }


@pytest.mark.parametrize("size", ["224", "axb", "224x", "-3x4"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    result = CliRunner().invoke(main, ["summary", "ghostnet_100", f"--size={size}"])

    assert result.exit_code == 2
    assert f"must be height x width such as 224x224, got '{size}'" in result.output


def test_an_unknown_architecture_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["summary", "nope"])

    assert result.exit_code == 2
    assert "`architecture` must be one of ghost_conv" in result.output


def test_a_size_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(ArgumentError, match="`size` must be one that ghostnetv2 takes, got 32x32"):
        summarise("ghostnetv2_100", {}, (32, 32))
