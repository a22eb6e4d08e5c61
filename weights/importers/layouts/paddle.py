"""Checkpoints of PaddleClas' GhostNets: other names, transposed linear layers, another gate."""

import re

import numpy as np

from weights.importers.gates import irreversible
from weights.importers.importer import Arguments, Importer
from weights.importers.layouts.ghostnets import inferring, numbered_blocks
from weights.networks.ghostnet import ROWS
from weights.tensors import CONVOLUTION, TensorSpec

STARTS = re.compile(r"conv1\._conv\.")
GATE = "clip01"
# The arguments that its class always has.
ARGUMENTS: Arguments = {
    "head": "norm",
    "se_rounding": "floor",
    "shortcut_kernel_size": 0,
    "shortcut_activation": "identity",
    "ratio": 2,
    "dw_kernel_size": 3,
}
LAST = rf"^blocks\.{len(ROWS)}\.0"
RENAMES = (
    (r"^classifier\.", "fc_1."),
    (r"^conv_stem\.", "conv1._conv."),
    (r"^bn1\.", "conv1._batch_norm."),
    (rf"{LAST}\.conv\.", "conv_last._conv."),
    (rf"{LAST}\.bn1\.", "conv_last._batch_norm."),
    (r"^conv_head\.", "fc_0._conv."),
    (r"^bn_head\.", "fc_0._batch_norm."),
    *numbered_blocks("_ghostbottleneck_{}.", start=0),
    (r"\bghost([12])\.", r"ghost_module_\1."),
    (r"\bcheap_conv\.", "cheap_operation."),
    (r"\b(primary_conv|cheap_operation)\.0\.", r"\1._conv."),
    (r"\b(primary_conv|cheap_operation)\.1\.", r"\1._batch_norm."),
    (r"\bconv_dw\.", "depthwise_conv._conv."),
    (r"\bbn_dw\.", "depthwise_conv._batch_norm."),
    (r"\bse\.conv_reduce\.", "se_block.squeeze."),
    (r"\bse\.conv_expand\.", "se_block.excitation."),
    (r"\bshortcut\.0\.", "shortcut_depthwise._conv."),
    (r"\bshortcut\.1\.", "shortcut_depthwise._batch_norm."),
    (r"\bshortcut\.2\.", "shortcut_conv._conv."),
    (r"\bshortcut\.3\.", "shortcut_conv._batch_norm."),
    (r"\brunning_mean$", "_mean"),
    (r"\brunning_var$", "_variance"),
)


def to_canonical(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return a tensor of Paddle's as this project has it: its linear layers are (I, O)."""
    if array.ndim != 2:
        return array
    return array.T.reshape(*array.T.shape, 1, 1) if spec.kind == CONVOLUTION else array.T


infer = inferring("PaddleClas' GhostNet, with a tensor", to_canonical, ARGUMENTS)
PADDLE = Importer(
    "paddle", ("ghostnet",), STARTS, infer, irreversible, RENAMES, (), to_canonical, GATE
)
