"""Checkpoints of ultralytics' ghost modules: GhostConv, GhostBottleneck, C3Ghost."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from weights.arithmetic import same_padding
from weights.errors import ImportRefused
from weights.importers.importer import Arguments, Importer, Inferred, Shapes, fixed_differences
from weights.importers.layouts.ghost_modules import read_ghost_module
from weights.modules import yolo
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.forms import FOLDED, TRAINING
from weights.modules.ghost_conv import GhostConvConfig
from weights.networks.architectures import Config

STARTS = re.compile(r"cv1\.conv\.|conv\.0\.cv1\.conv\.")
# Of the modules around a GhostConv, then of a GhostConv itself.
RENAMES = (
    (r"^(cv[123])\.0\.", r"\1.conv."),
    (r"^(cv[123])\.1\.", r"\1.bn."),
    (r"\bghost1\.", "conv.0."),
    (r"\bghost2\.", "conv.2."),
    (r"\bconv_dw\.", "conv.1.conv."),
    (r"\bbn_dw\.", "conv.1.bn."),
    (r"\bshortcut\.3\.", "shortcut.1.bn."),
    (r"\bshortcut\.2\.", "shortcut.1.conv."),
    (r"\bshortcut\.1\.(?=weight|bias|running)", "shortcut.0.bn."),
    (r"\bshortcut\.0\.(?=weight|bias)", "shortcut.0.conv."),
    (r"\bprimary_conv\.0\.", "cv1.conv."),
    (r"\bprimary_conv\.1\.", "cv1.bn."),
    (r"\bcheap_conv\.0\.", "cv2.conv."),
    (r"\bcheap_conv\.1\.", "cv2.bn."),
)
# The arguments of a bottleneck without their tensors, or without an effect on one.
PLAIN: Arguments = {
    "dilation": 1,
    "se_ratio": 0,
    "se_rounding": "divisible",
    "attention": False,
    "branches": 0,
    "primary_skip": True,
}
MODULE = yolo.SHARED | {"ratio": 2}


def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer the module from the names of ultralytics."""
    found = {
        "ghost_conv": "cv1.conv.weight" in shapes and "cv3.conv.weight" not in shapes,
        "ghost_bottleneck": "conv.0.cv1.conv.weight" in shapes,
        "c3_ghost": "cv3.conv.weight" in shapes,
    }
    fitting = [name for name, fits in found.items() if fits and architecture in (None, name)]
    if len(fitting) != 1:
        got = ", ".join(fitting) or "none of their first tensors"
        raise ImportRefused(
            f"{shapes.path} must hold one of ultralytics' GhostConv, GhostBottleneck or "
            f"C3Ghost by itself, got {got}: save the state dict of that module alone"
        )
    inferred = INFER[fitting[0]](shapes, fitting[0], given)
    form = FOLDED if is_fused(shapes) else TRAINING
    return replace(inferred, arguments=inferred.arguments | {"form": form})


def is_fused(shapes: Shapes) -> bool:
    """Return whether `model.fuse()` merged batch normalisation into the convolutions."""
    return any(name.endswith("conv.bias") for name in shapes.found)


def differences(config: Config) -> Iterator[str]:
    """Yield every way in which no class of ultralytics computes what `config` says."""
    match config:
        case yolo.C3GhostConfig():
            yield from fixed_differences(config, yolo.NORM)
        case GhostConvConfig():
            padding = tuple(same_padding(size) for size in config.kernel_size)
            own = {"padding": padding, "dilation": (1, 1), "dw_dilation": 1, "bias": False}
            yield from fixed_differences(config, MODULE | own)
        case GhostBottleneckConfig():
            own = {"c_mid": config.c_out // 2, "se_ratio": 0, "attention": False, "branches": 0}
            own |= {"dilation": 1}
            yield from fixed_differences(config, MODULE | own | {"activation": "silu"})
            if config.stride == 1 and config.shortcut:
                yield "its shortcut at stride 1 is the input, the file has convolutions there"


def _infer_ghost_conv(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    found, channels = read_ghost_module(shapes, "cv1.conv.weight", "", given)
    arguments = yolo.ghost_conv_arguments(found["c_in"], 2 * channels.c_int, found["kernel_size"])
    names = ("c_in", "c_out", "kernel_size", "dw_kernel_size", "split")
    return _inferred(architecture, arguments, names)


def _infer_bottleneck(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    c_in = shapes.kernel("conv.0.cv1.conv.weight")[1]
    c_out = 2 * shapes.kernel("conv.2.cv1.conv.weight")[0]
    names = ("c_in", "c_mid", "c_out", "dw_kernel_size", "split")
    if "conv.1.conv.weight" in shapes:
        kernel_size = shapes.kernel("conv.1.conv.weight")[2]
        arguments = yolo.ghost_bottleneck_arguments(c_in, c_out, kernel_size, 2)
        own: Arguments = {"shortcut_kernel_size": kernel_size}
        return _inferred(architecture, arguments, (*names, "kernel_size"), PLAIN | own)
    own = {"kernel_size": 3, "shortcut_kernel_size": 0, "shortcut_activation": "identity"}
    arguments = yolo.ghost_bottleneck_arguments(c_in, c_out)
    return _inferred(architecture, arguments, (*names, "stride"), PLAIN | own)


def _infer_c3(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    hidden, c1, *_ = shapes.kernel("cv1.conv.weight")
    c2 = shapes.kernel("cv3.conv.weight")[0]
    arguments = {"c1": c1, "c2": c2, "n": shapes.count("m."), "e": hidden / c2, "hidden": hidden}
    return Inferred(architecture, arguments)


def _inferred(
    architecture: str, arguments: Arguments, names: tuple[str, ...], own: Arguments | None = None
) -> Inferred:
    """Part the arguments `names`, which shapes determine, from those that no tensor does."""
    found = {name: arguments[name] for name in names} | {"ratio": 2} | (own or {})
    defaults = {name: value for name, value in arguments.items() if name not in names}
    return Inferred(architecture, found, defaults)


INFER: Mapping[str, Callable[[Shapes, str, Arguments], Inferred]] = {
    "ghost_conv": _infer_ghost_conv,
    "ghost_bottleneck": _infer_bottleneck,
    "c3_ghost": _infer_c3,
}
ULTRALYTICS = Importer("ultralytics", tuple(INFER), STARTS, infer, differences, RENAMES)
