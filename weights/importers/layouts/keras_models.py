"""GhostNets of other projects in Keras: kimm, and keras_cv_attention_models (kecam)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from weights.importers.containers import keras_h5
from weights.importers.containers.keras_names import read_layers
from weights.importers.importer import Arguments, Importer, Inferred, Shapes, rename
from weights.importers.layouts.ghostnets import (
    ATTENTION,
    canonical_shapes,
    infer_ghostnet,
    numbered_blocks,
)
from weights.networks.architectures import Config
from weights.networks.ghostnet import ROWS
from weights.tensors import TensorSpec

ARCHITECTURES = ("ghostnet", "ghostnetv2")
# What their classes always have.
ARGUMENTS = {
    "head": "bias", "se_rounding": "divisible", "shortcut_kernel_size": 0,
    "shortcut_activation": "identity", "ratio": 2, "dw_kernel_size": 3,
}  # fmt: skip
RESIZE = {"attention": "nearest pixels as PyTorch takes them; the class takes others at odd sizes"}
LAST = len(ROWS)
# From the names of layers to those of their variables.
VARIABLES = (
    (r"bn\.weight$", "bn.gamma"),
    (r"bn\.bias$", "bn.beta"),
    (r"\.running_mean$", ".moving_mean"),
    (r"\.running_var$", ".moving_variance"),
    (r"\.weight$", ".kernel"),
)
KIMM_NAMES = (
    (r"^conv_stem\.", "conv_stem_conv2d."),
    (r"^bn1\.", "conv_stem_bn."),
    (rf"^blocks\.{LAST}\.0\.conv\.", f"blocks_{LAST}_conv2d."),
    (rf"^blocks\.{LAST}\.0\.bn1\.", f"blocks_{LAST}_bn."),
    (r"^blocks\.(\d+)\.(\d+)\.", r"blocks_\1_\2_"),
    (r"(ghost[12])\.primary_conv\.0\.", r"\1_primary_conv_conv2d."),
    (r"(ghost[12])\.primary_conv\.1\.", r"\1_primary_conv_bn."),
    (r"(ghost[12])\.cheap_conv\.0\.", r"\1_cheap_operation_dwconv2d."),
    (r"(ghost[12])\.cheap_conv\.1\.", r"\1_cheap_operation_bn."),
    (r"ghost1\.short_conv\.0\.", "ghost1_short_conv1_conv2d."),
    (r"ghost1\.short_conv\.1\.", "ghost1_short_conv1_bn."),
    (r"ghost1\.short_conv\.2\.", "ghost1_short_conv2_dwconv2d."),
    (r"ghost1\.short_conv\.3\.", "ghost1_short_conv2_bn."),
    (r"ghost1\.short_conv\.4\.", "ghost1_short_conv3_dwconv2d."),
    (r"ghost1\.short_conv\.5\.", "ghost1_short_conv3_bn."),
    (r"_conv_dw\.", "_conv_dw_dwconv2d."),
    (r"_bn_dw\.", "_conv_dw_bn."),
    (r"_se\.conv_", "_se_conv_"),
    (r"_shortcut\.0\.", "_shortcut1_dwconv2d."),
    (r"_shortcut\.1\.", "_shortcut1_bn."),
    (r"_shortcut\.2\.", "_shortcut2_conv2d."),
    (r"_shortcut\.3\.", "_shortcut2_bn."),
    *VARIABLES,
)
KECAM_NAMES = (
    (r"^conv_stem\.", "stem_conv."),
    (r"^bn1\.", "stem_bn."),
    (rf"^blocks\.{LAST}\.0\.conv\.", "pre_conv."),
    (rf"^blocks\.{LAST}\.0\.bn1\.", "pre_bn."),
    (r"^conv_head\.", "features_conv."),
    (r"^classifier\.", "head."),
    *numbered_blocks("stack{}_"),
    (r"ghost([12])\.primary_conv\.0\.", r"ghost_\1_prim_conv."),
    (r"ghost([12])\.primary_conv\.1\.", r"ghost_\1_prim_bn."),
    (r"ghost([12])\.cheap_conv\.0\.", r"ghost_\1_cheap_dw_conv."),
    (r"ghost([12])\.cheap_conv\.1\.", r"ghost_\1_cheap_bn."),
    (r"ghost1\.short_conv\.0\.", "ghost_1_short_1_conv."),
    (r"ghost1\.short_conv\.1\.", "ghost_1_short_1_bn."),
    (r"ghost1\.short_conv\.2\.", "ghost_1_short_2_dw_conv."),
    (r"ghost1\.short_conv\.3\.", "ghost_1_short_2_bn."),
    (r"ghost1\.short_conv\.4\.", "ghost_1_short_3_dw_conv."),
    (r"ghost1\.short_conv\.5\.", "ghost_1_short_3_bn."),
    (r"_conv_dw\.", "_down_dw_conv."),
    (r"_bn_dw\.", "_down_bn."),
    (r"_se\.conv_reduce\.", "_se_1_conv."),
    (r"_se\.conv_expand\.", "_se_2_conv."),
    (r"_shortcut\.0\.", "_short_1_dw_conv."),
    (r"_shortcut\.1\.", "_short_1_bn."),
    (r"_shortcut\.2\.", "_short_2_conv."),
    (r"_shortcut\.3\.", "_short_2_bn."),
    *VARIABLES,
)


def to_canonical(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return a variable of Keras in the canonical layout; one of another rank as it is."""
    return keras_h5.to_canonical(array, spec) if array.ndim == len(spec.shape) else array


def inferring(name: str) -> Callable[[Shapes, str | None, Arguments], Inferred]:
    """Return what infers a GhostNet from the names of such a project."""

    def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
        version = 2 if rename(ATTENTION, shapes.renames) in shapes else 1
        what = f"a GhostNet of {name}, with"
        canonical = canonical_shapes(shapes, what, to_canonical, version)
        found = infer_ghostnet(canonical, ARCHITECTURES[version - 1], given, ARGUMENTS)
        told = RESIZE if version == 2 and name == "kimm" else {}
        return replace(found, assumptions=dict(found.assumptions) | told)

    return infer


def differences(config: Config) -> Iterator[str]:
    """Yield why there is no way back."""
    yield "its files are Keras' own: load the weights there by name"


KIMM, KECAM = (
    Importer(
        name, ARCHITECTURES, re.compile(start), inferring(name), differences, renames,
        to_canonical=to_canonical, read=read_layers,
    )
    for name, start, renames in (
        ("kimm", "conv_stem_conv2d", KIMM_NAMES), ("kecam", "stem_conv", KECAM_NAMES)
    )
)  # fmt: skip
