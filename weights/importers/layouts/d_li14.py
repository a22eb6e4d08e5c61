"""Checkpoints of d-li14's PyTorch GhostNet: other names, another gate, shortcut and head."""

import re

import numpy as np

from weights.importers.gates import irreversible
from weights.importers.importer import Arguments, Importer
from weights.importers.layouts import timm
from weights.importers.layouts.ghostnets import inferring, numbered_blocks
from weights.networks.ghostnet import ROWS
from weights.tensors import CONVOLUTION, TensorSpec

GATE = "clip01"
STARTS = re.compile(r"features\.0\.0\.weight")
# The arguments that its class always has; the tensors do not determine those of UNDETERMINED.
ARGUMENTS: Arguments = {
    "head": "norm",
    "se_rounding": "floor",
    "shortcut_kernel_size": 3,
    "shortcut_activation": "relu",
}
UNDETERMINED = ("shortcut_activation",)
LAST = rf"^blocks\.{len(ROWS)}\.0"
RENAMES = (
    *timm.RENAMES,
    (r"^classifier\.", "classifier.4."),
    (r"^conv_stem\.", "features.0.0."),
    (r"^bn1\.", "features.0.1."),
    (rf"{LAST}\.conv\.", "squeeze.0."),
    (rf"{LAST}\.bn1\.", "squeeze.1."),
    (r"^conv_head\.", "classifier.0."),
    (r"^bn_head\.", "classifier.1."),
    *numbered_blocks("features.{}."),
    (r"\bghost1\.", "conv.0."),
    (r"\bconv_dw\.", "conv.1.0."),
    (r"\bbn_dw\.", "conv.1.1."),
    (r"\bse\.conv_reduce\.", "conv.2.fc.0."),
    (r"\bse\.conv_expand\.", "conv.2.fc.2."),
    (r"\bghost2\.", "conv.3."),
    (r"\bshortcut\.0\.", "shortcut.0.0."),
    (r"\bshortcut\.1\.", "shortcut.0.1."),
    (r"\bshortcut\.2\.", "shortcut.1."),
    (r"\bshortcut\.3\.", "shortcut.2."),
)


def to_canonical(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return a tensor of d-li14's as this project has it: linear layers are 1x1 convolutions."""
    if spec.kind == CONVOLUTION and array.ndim == 2:
        return array.reshape(*array.shape, 1, 1)
    return array


infer = inferring("d-li14's GhostNet, with a tensor", to_canonical, ARGUMENTS, UNDETERMINED)
D_LI14 = Importer(
    "d-li14", ("ghostnet",), STARTS, infer, irreversible, RENAMES, (), to_canonical, GATE
)
