"""Networks for CIFAR that a state dict may be of, read from canonical names and shapes."""

from itertools import product

from weights.files.settings import Preprocess
from weights.importers.importer import Arguments, Inferred, Shapes
from weights.importers.layouts.ghost_modules import best_fit, cheap_kernel, divided
from weights.importers.layouts.layers import kernels, ratios
from weights.networks.resnet import STAGES as RESNET_STAGES
from weights.networks.resnet import STEM_CHANNELS
from weights.networks.vgg import STAGES as VGG_STAGES

CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_PREPROCESS: Preprocess = {
    "divide_by": 255.0,
    "mean": [0.4914, 0.4822, 0.4465],
    "std": [0.2023, 0.1994, 0.2010],
    "layout": "NHWC",
}
# A class without them has the same names and shapes; the configuration has no word for it.
RELU = {"activation": "relu after both halves of every ghost convolution"}
RESNET_ASSUMPTIONS = RELU | {"shortcut": "every second pixel, padded with zero channels"}
VGG_ASSUMPTIONS = RELU | {"pooling": "maximum over 2x2"}
# The GhostConv of each width whose channels determine the ratio.
RESNET = {channels: f"{stage}.0.conv1." for stage, channels in RESNET_STAGES.items()}
VGG = {widths[0]: f"features.{stage}.1." for stage, widths in enumerate(VGG_STAGES[:4])}


def infer_resnet(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer a Ghost-ResNet, with any ratio, with or without its own batch normalisations."""
    found: Arguments = {"plain_stem": "conv1.weight" in shapes}
    found["norm"] = ("layer1.0.bn1.weight" if found["plain_stem"] else "bn1.weight") in shapes
    found = _read(shapes, architecture, given, found, "round", (STEM_CHANNELS, "conv1."), RESNET)
    return _inferred(architecture, found, given, RESNET_ASSUMPTIONS)


def infer_vgg(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer a Ghost-VGG-16, with or without its hidden layer."""
    found: Arguments = {"hidden": "hidden.weight" in shapes}
    stem = (VGG_STAGES[0][0], "features.0.0.")
    found = _read(shapes, architecture, given, found, "ceil", stem, VGG)
    return _inferred(architecture, found, given, VGG_ASSUMPTIONS)


def _read(
    shapes: Shapes, architecture: str, given: Arguments, found: Arguments, split: str,
    stem: tuple[int, str], modules: dict[int, str],
) -> Arguments:  # fmt: skip
    """Read the arguments beside those `found`, from the stem and a ghost module of each width."""
    channels, place = stem
    plain = found.get("plain_stem", False)
    halves = (f"{place}weight", "") if plain else kernels(shapes, place)
    of_modules = {c: kernels(shapes, name) for c, name in modules.items()}
    found["in_chans"] = shapes.kernel(halves[0])[1]
    found["num_classes"] = shapes.length("linear.bias") if "linear.bias" in shapes else 0
    cheap = next((cheap for _, cheap in (halves, *of_modules.values()) if cheap in shapes), "")
    found |= cheap_kernel(shapes, cheap)
    found |= {"stem_ratio": 1} if plain else {}
    of_stem = [{}] if plain else ratios({channels: divided(shapes, *halves)}, split)
    of_all = ratios({c: divided(shapes, *names) for c, names in of_modules.items()}, split)
    candidates = (
        found | ratio | ({"stem_ratio": first["ratio"]} if first else {})
        for ratio, first in product(of_all, of_stem)
        if ratio.get("split") == first.get("split") or not first
    )
    return best_fit(shapes, architecture, candidates, given)


def _inferred(
    architecture: str, found: Arguments, given: Arguments, assumptions: dict[str, str]
) -> Inferred:
    """Assume CIFAR-10 where a network has 10 classes and 3 channels."""
    if ((found | given)["num_classes"], (found | given)["in_chans"]) != (10, 3):
        return Inferred(architecture, found, assumptions=assumptions)
    assumptions = assumptions | {"preprocess": "CIFAR-10", "classes": "CIFAR-10"}
    return Inferred(architecture, found, {}, CIFAR10_PREPROCESS, CIFAR10, assumptions)
