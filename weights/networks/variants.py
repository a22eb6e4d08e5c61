"""The published GhostNets by timm's names: what each is, how large, and where its weights are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from weights.modules.arguments import Activation, OutputStride, Rounding, Split
from weights.modules.forms import Form
from weights.networks.ghostnet import Head


@dataclass(frozen=True)
class Variant:
    """A network that was published under a name of its own.

    `parameters` and `macs` (for one image of 224 x 224) are those of the form in which it is used:
    of GhostNetV3 and RepGhostNet with their branches merged. `repository` on the Hugging Face hub
    holds its weights.
    """

    architecture: str
    width: float
    parameters: int
    macs: int
    repository: str | None = None


# Counted on the authors' own PyTorch files.
VARIANTS: Mapping[str, Variant] = {
    "ghostnet_050": Variant("ghostnet", 0.5, 2_587_292, 42_328_152),
    "ghostnet_100": Variant("ghostnet", 1.0, 5_182_508, 141_150_512, "timm/ghostnet_100.in1k"),
    "ghostnet_130": Variant("ghostnet", 1.3, 7_358_820, 227_003_256),
    "ghostnetv2_100": Variant(
        "ghostnetv2", 1.0, 6_156_908, 167_048_288, "timm/ghostnetv2_100.in1k"
    ),
    "ghostnetv2_130": Variant(
        "ghostnetv2", 1.3, 8_960_404, 269_322_976, "timm/ghostnetv2_130.in1k"
    ),
    "ghostnetv2_160": Variant(
        "ghostnetv2", 1.6, 12_392_698, 398_607_224, "timm/ghostnetv2_160.in1k"
    ),
    "ghostnetv3_050": Variant("ghostnetv3", 0.5, 2_853_176, 49_640_656),
    "ghostnetv3_100": Variant(
        "ghostnetv3", 1.0, 6_147_588, 167_048_288, "timm/ghostnetv3_100.in1k"
    ),
    "ghostnetv3_130": Variant("ghostnetv3", 1.3, 8_948_296, 269_322_976),
    "ghostnetv3_160": Variant("ghostnetv3", 1.6, 12_377_778, 398_607_224),
    "repghostnet_050": Variant(
        "repghostnet", 0.5, 2_306_528, 43_314_720, "timm/repghostnet_050.in1k"
    ),
    "repghostnet_058": Variant(
        "repghostnet", 0.58, 2_537_736, 59_804_016, "timm/repghostnet_058.in1k"
    ),
    "repghostnet_080": Variant(
        "repghostnet", 0.8, 3_267_112, 95_518_948, "timm/repghostnet_080.in1k"
    ),
    "repghostnet_100": Variant(
        "repghostnet", 1.0, 4_058_772, 142_394_128, "timm/repghostnet_100.in1k"
    ),
    "repghostnet_111": Variant(
        "repghostnet", 1.11, 4_523_568, 170_124_224, "timm/repghostnet_111.in1k"
    ),
    "repghostnet_130": Variant(
        "repghostnet", 1.3, 5_459_316, 231_123_652, "timm/repghostnet_130.in1k"
    ),
    "repghostnet_150": Variant(
        "repghostnet", 1.5, 6_553_064, 301_315_856, "timm/repghostnet_150.in1k"
    ),
    "repghostnet_200": Variant(
        "repghostnet", 2.0, 9_766_460, 515_869_856, "timm/repghostnet_200.in1k"
    ),
}


def expand(name: str, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The architecture and configuration that `name` means, a variant's or an architecture's own.

    >>> expand("ghostnetv2_130", {"num_classes": 10})
    ('ghostnetv2', {'width': 1.3, 'num_classes': 10})
    """
    if name not in VARIANTS:
        return name, dict(config)
    variant = VARIANTS[name]
    return variant.architecture, {"width": variant.width, **config}


class GhostNetArguments(TypedDict, total=False):
    """The arguments of GhostNet, GhostNetV2 and GhostNetV3 without the width."""

    num_classes: int
    in_chans: int
    dropout: float
    ratio: float
    dw_kernel_size: int
    split: Split
    head: Head
    se_rounding: Rounding
    shortcut_kernel_size: int
    shortcut_activation: Activation
    bn_eps: float
    bn_momentum: float
    form: Form
    output_stride: OutputStride


class RepGhostNetArguments(TypedDict, total=False):
    """The arguments of RepGhostNet without the width."""

    num_classes: int
    in_chans: int
    dropout: float
    dw_kernel_size: int
    bn_eps: float
    bn_momentum: float
    form: Form
    output_stride: OutputStride
