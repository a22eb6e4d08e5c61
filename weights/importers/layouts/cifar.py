"""Which network for CIFAR a state dict is of, read from canonical names and shapes."""

from __future__ import annotations

from itertools import product

from weights.importers.layouts.layers import ratios
from weights.importers.layouts.shapes import Arguments, Shapes, best_fit, divided
from weights.importers.rules import Plan
from weights.networks.resnet import STAGES as RESNET_STAGES
from weights.networks.resnet import STEM_CHANNELS
from weights.networks.vgg import STAGES as VGG_STAGES

CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
# x = (image / divide_by - mean) / std, channel by channel.
CIFAR10_PREPROCESS = {
    "divide_by": 255.0,
    "mean": [0.4914, 0.4822, 0.4465],
    "std": [0.2023, 0.1994, 0.2010],
    "layout": "NHWC",
}
# A class without them has the same names and shapes; the configuration has no word for it.
RELU = {"activation": "relu after both halves of every ghost convolution"}
SHORTCUT = {"shortcut": "every second pixel, padded with zero channels"}
ALWAYS = {
    "ghost_resnet20": RELU | SHORTCUT,
    "ghost_resnet56": RELU | SHORTCUT,
    "ghost_vgg16": RELU | {"pooling": "maximum over 2x2"},
}
# The GhostConv of each width whose channels tell the ratio.
RESNET = {channels: f"{stage}.0.conv1" for stage, channels in RESNET_STAGES.items()}
VGG = {widths[0]: f"features.{stage}.1" for stage, widths in enumerate(VGG_STAGES[:4])}


def plan_resnet(shapes: Shapes, architecture: str, given: Arguments) -> Plan:
    """Ghost-ResNet, with any ratio, with or without its own batch normalisations."""
    found: Arguments = {"norm": "bn1.weight" in shapes}
    return _plan(shapes, architecture, given, found, "round", "conv1", STEM_CHANNELS, RESNET)


def plan_vgg(shapes: Shapes, architecture: str, given: Arguments) -> Plan:
    """Ghost-VGG-16, with or without its hidden layer."""
    found: Arguments = {"hidden": "hidden.weight" in shapes}
    stem_channels = VGG_STAGES[0][0]
    return _plan(shapes, architecture, given, found, "ceil", "features.0.0", stem_channels, VGG)


def _plan(
    shapes: Shapes, architecture: str, given: Arguments, found: Arguments, split: str,
    stem: str, stem_channels: int, convolutions: dict[int, str],
) -> Plan:  # fmt: skip
    halves = {name: _halves(name) for name in (stem, *convolutions.values())}
    found["in_chans"] = shapes.kernel(halves[stem][0])[1]
    found["num_classes"] = shapes.length("linear.bias") if "linear.bias" in shapes else 0
    cheap = next((cheap for _, cheap in halves.values() if cheap in shapes), None)
    found |= {"dw_kernel_size": shapes.kernel(cheap)[2]} if cheap else {}
    of_stem = {stem_channels: divided(shapes, *halves[stem])}
    of_all = {c: divided(shapes, *halves[name]) for c, name in convolutions.items()}
    candidates = (
        found | ratio | ({"stem_ratio": first["ratio"]} if first else {})
        for ratio, first in product(ratios(of_all, split), ratios(of_stem, split))
        if ratio.get("split") == first.get("split") or not first
    )
    told = best_fit(shapes, architecture, candidates, given)
    if ((told | given)["num_classes"], (told | given)["in_chans"]) != (10, 3):
        return Plan(architecture, told, guessed=ALWAYS[architecture])
    guessed = ALWAYS[architecture] | {"preprocess": "CIFAR-10", "classes": "CIFAR-10"}
    return Plan(architecture, told, {}, CIFAR10_PREPROCESS, CIFAR10, guessed)


def _halves(path: str) -> tuple[str, str]:
    return f"{path}.primary_conv.0.weight", f"{path}.cheap_conv.0.weight"
