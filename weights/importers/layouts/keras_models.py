"""GhostNets of other projects in Keras: kimm, and keras_cv_attention_models (kecam)."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from weights.importers.containers import keras_h5
from weights.importers.containers.keras_names import read_layers
from weights.importers.importer import Arguments, Importer, Inferred, Shapes, rename
from weights.importers.layouts.ghostnets import ATTENTION, inferring, numbered_blocks
from weights.networks.architectures import Config
from weights.networks.ghostnet import BLOCKS, ROWS
from weights.tensors import TensorSpec

ARCHITECTURES = ("ghostnet", "ghostnetv2")
# What their classes always have.
ARGUMENTS: Arguments = {
    "head": "bias", "se_rounding": "divisible", "shortcut_kernel_size": 0,
    "shortcut_activation": "identity", "ratio": 2, "dw_kernel_size": 3,
}  # fmt: skip
RESIZE = {"attention": "nearest pixels as PyTorch takes them; the class takes others at odd sizes"}
LAST = len(ROWS)
NUMBERED = list(zip(numbered_blocks("stack{}_"), BLOCKS, strict=True))
# From the names of layers to those of their variables.
VARIABLES = (
    (r"bn\.weight$", "bn.gamma"),
    (r"bn\.bias$", "bn.beta"),
    (r"\.running_mean$", ".moving_mean"),
    (r"\.running_var$", ".moving_variance"),
    (r"\.weight$", ".kernel"),
)
# From canonical names to those of kimm's and of kecam's layers, in the order of their application.
LAYERS = (
    (r"^conv_stem\.", "conv_stem_conv2d.", "stem_conv."),
    (r"^bn1\.", "conv_stem_bn.", "stem_bn."),
    (rf"^blocks\.{LAST}\.0\.conv\.", f"blocks_{LAST}_conv2d.", "pre_conv."),
    (rf"^blocks\.{LAST}\.0\.bn1\.", f"blocks_{LAST}_bn.", "pre_bn."),
    (r"^conv_head\.", "conv_head.", "features_conv."),
    (r"^classifier\.", "classifier.", "head."),
    *((old, f"blocks_{stage}_{index}_", new) for (old, new), (stage, index) in NUMBERED),
    (r"ghost([12])\.primary_conv\.0\.", r"ghost\1_primary_conv_conv2d.", r"ghost_\1_prim_conv."),
    (r"ghost([12])\.primary_conv\.1\.", r"ghost\1_primary_conv_bn.", r"ghost_\1_prim_bn."),
    (
        r"ghost([12])\.cheap_conv\.0\.",
        r"ghost\1_cheap_operation_dwconv2d.",
        r"ghost_\1_cheap_dw_conv.",
    ),
    (r"ghost([12])\.cheap_conv\.1\.", r"ghost\1_cheap_operation_bn.", r"ghost_\1_cheap_bn."),
    (r"ghost1\.short_conv\.0\.", "ghost1_short_conv1_conv2d.", "ghost_1_short_1_conv."),
    (r"ghost1\.short_conv\.1\.", "ghost1_short_conv1_bn.", "ghost_1_short_1_bn."),
    (r"ghost1\.short_conv\.2\.", "ghost1_short_conv2_dwconv2d.", "ghost_1_short_2_dw_conv."),
    (r"ghost1\.short_conv\.3\.", "ghost1_short_conv2_bn.", "ghost_1_short_2_bn."),
    (r"ghost1\.short_conv\.4\.", "ghost1_short_conv3_dwconv2d.", "ghost_1_short_3_dw_conv."),
    (r"ghost1\.short_conv\.5\.", "ghost1_short_conv3_bn.", "ghost_1_short_3_bn."),
    (r"_conv_dw\.", "_conv_dw_dwconv2d.", "_down_dw_conv."),
    (r"_bn_dw\.", "_conv_dw_bn.", "_down_bn."),
    (r"_se\.conv_reduce\.", "_se_conv_reduce.", "_se_1_conv."),
    (r"_se\.conv_expand\.", "_se_conv_expand.", "_se_2_conv."),
    (r"_shortcut\.0\.", "_shortcut1_dwconv2d.", "_short_1_dw_conv."),
    (r"_shortcut\.1\.", "_shortcut1_bn.", "_short_1_bn."),
    (r"_shortcut\.2\.", "_shortcut2_conv2d.", "_short_2_conv."),
    (r"_shortcut\.3\.", "_shortcut2_bn.", "_short_2_bn."),
    *((old, new, new) for old, new in VARIABLES),
)


def to_canonical(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return a variable of Keras in the canonical layout; one of another rank as it is."""
    return keras_h5.to_canonical(array, spec) if array.ndim == len(spec.shape) else array


def version_of(shapes: Shapes) -> int:
    """Return which GhostNet the names are of."""
    return 2 if rename(ATTENTION, shapes.renames) in shapes else 1


def infer_kimm(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer a GhostNet of kimm, whose attention takes other pixels at odd sizes."""
    found = INFER["kimm"](shapes, architecture, given)
    told = RESIZE if found.architecture == "ghostnetv2" else {}
    return replace(found, assumptions=dict(found.assumptions) | told)


def differences(config: Config) -> Iterator[str]:
    """Yield why there is no way back."""
    yield "its files are Keras' own: load the weights there by name"


INFER = {
    name: inferring(f"a GhostNet of {name}, with", to_canonical, ARGUMENTS, version=version_of)
    for name in ("kimm", "kecam")
}
KIMM, KECAM = (
    Importer(
        name, ARCHITECTURES, re.compile(start), infer, differences, renames,
        to_canonical=to_canonical, read=read_layers,
    )
    for name, start, infer, renames in (
        ("kimm", "conv_stem_conv2d", infer_kimm, [(old, new) for old, new, _ in LAYERS]),
        ("kecam", "stem_conv", INFER["kecam"], [(old, new) for old, _, new in LAYERS]),
    )
)  # fmt: skip
