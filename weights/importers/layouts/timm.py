"""Checkpoints with timm's names: its GhostNets and GhostModules, and networks made of those."""

import re
from collections.abc import Callable, Iterator, Mapping

from weights.arithmetic import same_padding, split_channels
from weights.errors import ImportRefused
from weights.importers.importer import Arguments, Importer, Inferred, Shapes, fixed_differences
from weights.importers.layouts import layers
from weights.importers.layouts.cifar import infer_resnet, infer_vgg
from weights.importers.layouts.ghostnets import infer_ghostnet, is_ghostnet, recognise_ghostnet
from weights.importers.layouts.layers import BRANCH, GATE, PRIMARY
from weights.importers.layouts.rep_ghost import (
    infer_rep_ghost_bottleneck,
    infer_rep_ghost_conv,
    is_rep_ghost,
)
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.ghost_conv import GhostConvConfig
from weights.modules.ghost_conv_v3 import GhostConvV3Config
from weights.modules.rep_ghost import RepGhostBottleneckConfig, RepGhostConvConfig
from weights.networks.architectures import ARCHITECTURES, Config
from weights.networks.ghostnet import GhostNetConfig
from weights.networks.repghostnet import RepGhostNetConfig

RENAMES = ((r"cheap_conv\.", "cheap_operation."),)
INVERSE = ((r"cheap_operation\.", "cheap_conv."),)
STARTS = re.compile(
    r"(features\.0\.0\.|layer1\.\d+\.conv1\.)?primary_(conv|rpr_conv)\.|conv_stem\.|ghost1\.|"
    r"conv_reduce\."
)
FIRST_STAGE = re.compile(r"layer1\.\d+\.conv1\.primary_conv\.0\.weight")
# The arguments that the classes of timm always have.
NORM = {"bn_eps": 1e-5, "bn_momentum": 0.1}
MODULE = {"ratio": 2, "dw_kernel_size": 3, "split": "ceil"} | NORM
GHOST_CONV = {"dilation": (1, 1), "dw_dilation": 1, "groups": 1, "bias": False} | NORM
BRANCHES = {"branches": 3, "split": "ceil", "dw_dilation": 1} | NORM
REP_GHOST = NORM | {"dw_kernel_size": 3}
BLOCK = MODULE | {"activation": "relu", "dilation": 1}
NETWORK = MODULE | {
    "output_stride": 32,
    "head": "bias",
    "se_rounding": "divisible",
    "shortcut_kernel_size": 0,
    "shortcut_activation": "identity",
}
INFER: Mapping[str, Callable[[Shapes, str, Arguments], Inferred]] = {
    "ghost_conv": layers.infer_ghost_conv,
    "ghost_conv_v2": layers.infer_ghost_conv_v2,
    "ghost_conv_v3": layers.infer_ghost_conv_v3,
    "squeeze_excite": layers.infer_squeeze_excite,
    "ghost_bottleneck": layers.infer_bottleneck,
    "rep_ghost_conv": infer_rep_ghost_conv,
    "rep_ghost_bottleneck": infer_rep_ghost_bottleneck,
    **dict.fromkeys(("ghostnet", "ghostnetv2", "ghostnetv3", "repghostnet"), infer_ghostnet),
    **dict.fromkeys(("ghost_resnet20", "ghost_resnet56"), infer_resnet),
    "ghost_vgg16": infer_vgg,
}


def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer the module from canonical names and shapes."""
    architecture = architecture or recognise(shapes)
    return INFER[architecture](shapes, architecture, given)


def recognise(shapes: Shapes) -> str:
    """Return the architecture that the names are of; raises `ImportRefused` for none or two."""
    blocks = len({name.split(".")[1] for name in shapes.found if FIRST_STAGE.match(name)})
    is_rep, is_rep_block = is_rep_ghost(shapes), is_rep_ghost(shapes, "ghost1.")
    is_module = PRIMARY in shapes and not is_rep
    is_v2, is_v3 = GATE in shapes, BRANCH in shapes
    is_deployed = "primary_conv.0.bias" in shapes and "primary_conv.1.weight" not in shapes
    fitting = [
        architecture
        for architecture, fits in {
            "ghost_conv": is_module and not is_v2 and not is_deployed,
            "ghost_conv_v2": is_module and is_v2 and not is_deployed,
            "ghost_conv_v3": is_v3 or (is_module and is_deployed),
            "squeeze_excite": "conv_reduce.weight" in shapes,
            "ghost_bottleneck": not is_rep_block
            and any(name.startswith("ghost1.") for name in shapes.found),
            "rep_ghost_conv": is_rep,
            "rep_ghost_bottleneck": is_rep_block,
            "ghost_vgg16": f"features.0.0.{PRIMARY}" in shapes,
            f"ghost_resnet{6 * blocks + 2}": blocks > 0,
            recognise_ghostnet(shapes): is_ghostnet(shapes),
        }.items()
        if fits
    ]
    if len(fitting) == 1 and fitting[0] in ARCHITECTURES:
        return fitting[0]
    found = ", ".join(fitting) or "none of their first tensors"
    raise ImportRefused(
        f"{shapes.path} must hold one of {', '.join(INFER)}, with timm's names, got {found}: name "
        "it with --architecture if it is one of them"
    )


def differences(config: Config) -> Iterator[str]:
    """Yield every way in which no class of timm computes what `config` says."""
    match config:
        case GhostNetConfig():
            yield from fixed_differences(config, NETWORK)
        case GhostConvConfig():
            yield from _ghost_conv_differences(config)
        case GhostBottleneckConfig():
            yield from _bottleneck_differences(config)
        case GhostConvV3Config():
            yield from _branches_differences(config)
        case RepGhostConvConfig():
            yield from fixed_differences(config, NORM | {"dw_dilation": 1})
            if config.activation not in ("relu", "identity"):
                yield f"its activation is relu or none, the file has {config.activation!r}"
        case RepGhostBottleneckConfig():
            yield from fixed_differences(config, REP_GHOST | {"activation": "relu", "dilation": 1})
        case RepGhostNetConfig():
            yield from fixed_differences(config, REP_GHOST | {"output_stride": 32})


def _ghost_conv_differences(config: GhostConvConfig) -> Iterator[str]:
    padding = tuple(same_padding(size) for size in config.kernel_size)
    yield from fixed_differences(config, GHOST_CONV | {"padding": padding})
    channels = config.channels
    if split_channels(config.c_out, channels.multiplier + 1, "ceil") != channels:
        yield f"it never divides {config.c_out} channels into {channels.c_int} + {channels.c_cheap}"


def _bottleneck_differences(config: GhostBottleneckConfig) -> Iterator[str]:
    fixed: Arguments = dict(BLOCK)
    if config.squeeze_excite:
        fixed["se_rounding"] = "divisible"
    if config.shortcut:
        fixed |= {"shortcut_kernel_size": config.kernel_size, "shortcut_activation": "identity"}
    yield from fixed_differences(config, fixed)
    for module in (config.ghost1, config.ghost2):
        if isinstance(module, GhostConvV3Config):
            yield from _branches_differences(module)


def _branches_differences(config: GhostConvV3Config) -> Iterator[str]:
    yield from fixed_differences(config, BRANCHES)
    if config.halves[0].skip:
        yield "its primary half has no branch without a convolution, the file has one"


TIMM = Importer("timm", tuple(INFER), STARTS, infer, differences, RENAMES, INVERSE)
