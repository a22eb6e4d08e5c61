"""The modules and small networks that tier `family` runs.

Widths are small and sizes odd: what a network of the usual width would show, these show faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.cases.case import Case
from weights import configure
from weights.modules.forms import DEPLOYED, FOLDED
from weights.modules.yolo import ghost_bottleneck_arguments, ghost_conv_arguments

# Name, architecture, configuration, (N, H, W).
Row = tuple[str, str, dict[str, Any], tuple[int, int, int]]

D_LI14 = {
    "head": "norm",
    "se_rounding": "floor",
    "shortcut_kernel_size": 3,
    "shortcut_activation": "relu",
}
STRIDE_2 = {"kernel_size": 3, "stride": 2, "padding": 1}
TINY = {"width": 0.1, "num_classes": 10}
V2 = {"c_in": 6, "c_out": 10}
V3 = {"c_in": 6, "c_out": 12}
BLOCK = {"c_in": 8, "c_mid": 20, "c_out": 12}
STRIDED = BLOCK | {"stride": 2, "se_ratio": 0.25, "kernel_size": 5}
D_LI14_BLOCK = {name: value for name, value in D_LI14.items() if name != "head"}
PLAIN_RESNET = {"norm": False, "stem_ratio": 1, "split": "ceil"}

FAMILY: tuple[Row, ...] = (
    ("divisible", "squeeze_excite", {"channels": 72}, (2, 5, 7)),
    ("floor", "squeeze_excite", {"channels": 72, "rounding": "floor"}, (1, 1, 6)),
    # DFC attention on sizes whose halves do not divide them
    ("7x7", "ghost_conv_v2", V2 | {"split": "ceil"}, (2, 7, 7)),
    ("5x11", "ghost_conv_v2", V2 | {"ratio": 3}, (1, 5, 11)),
    ("3x3-stride-2", "ghost_conv_v2", V2 | STRIDE_2, (2, 9, 14)),
    ("smallest", "ghost_conv_v2", V2, (1, 2, 3)),
    # branches: every one that there can be, and every one that can be missing
    ("1x1", "ghost_conv_v3", V3, (2, 6, 7)),
    ("3x3", "ghost_conv_v3", V3 | {"kernel_size": 3}, (1, 7, 6)),
    ("all-branches", "ghost_conv_v3", V3 | {"kernel_size": 3, "dw_kernel_size": 5}, (2, 5, 5)),
    ("no-primary-skip", "ghost_conv_v3", V3 | {"primary_skip": False}, (2, 5, 5)),
    ("stride-2", "ghost_conv_v3", V3 | {"kernel_size": [3, 5], "stride": 2}, (1, 9, 8)),
    ("ratio-3", "ghost_conv_v3", V3 | {"ratio": 3, "kernel_size": 3}, (2, 5, 6)),
    ("ratio-4-odd", "ghost_conv_v3", V3 | {"c_out": 11, "ratio": 4}, (1, 6, 5)),
    ("ratio-1", "ghost_conv_v3", V3 | {"c_out": 6, "ratio": 1, "kernel_size": 3}, (2, 4, 5)),
    ("one-branch", "ghost_conv_v3", V3 | {"branches": 1, "dw_kernel_size": 1}, (1, 5, 5)),
    ("attention", "ghost_conv_v3", V3 | {"attention": True, "activation": "silu"}, (2, 7, 5)),
    ("plain", "ghost_bottleneck", BLOCK, (2, 7, 6)),
    ("input-as-shortcut", "ghost_bottleneck", BLOCK | {"c_out": 8}, (1, 6, 6)),
    ("stride-2-se", "ghost_bottleneck", STRIDED, (2, 9, 10)),
    ("d-li14", "ghost_bottleneck", STRIDED | D_LI14_BLOCK, (1, 7, 7)),
    ("attention", "ghost_bottleneck", BLOCK | {"attention": True}, (1, 7, 9)),
    ("branches", "ghost_bottleneck", STRIDED | {"branches": 3}, (2, 8, 7)),
    ("v3-attention", "ghost_bottleneck", BLOCK | {"branches": 2, "attention": True}, (1, 7, 7)),
    ("yolo", "ghost_conv", ghost_conv_arguments(8, 16, 3, 2), (2, 9, 8)),
    ("yolo", "ghost_bottleneck", ghost_bottleneck_arguments(8, 16, 5, 2), (1, 9, 8)),
    ("two-blocks", "c3_ghost", {"c1": 8, "c2": 16, "n": 2}, (2, 6, 7)),
    ("tiny", "ghostnet", TINY, (2, 33, 47)),
    ("d-li14", "ghostnet", TINY | D_LI14 | {"in_chans": 1}, (1, 40, 33)),
    ("one-pixel", "ghostnet", TINY | {"num_classes": 0, "ratio": 3}, (1, 1, 1)),
    ("tiny", "ghostnetv2", TINY, (1, 97, 65)),
    ("smallest", "ghostnetv2", TINY, (2, 33, 33)),
    ("tiny", "ghostnetv3", TINY, (1, 65, 97)),
    ("ratio-4", "ghost_vgg16", {"ratio": 4, "dw_kernel_size": 1, "dropout": 0.5}, (1, 32, 39)),
    ("no-own-norm", "ghost_resnet20", PLAIN_RESNET, (2, 16, 15)),
)  # fmt: skip
# Of these the form without batch normalisations runs too; each costs a compilation.
FOLDED_ROWS = (
    "ghost_conv_v2-3x3-stride-2", "ghost_conv_v3-attention", "ghost_bottleneck-stride-2-se",
    "ghost_conv-yolo", "c3_ghost-two-blocks", "ghost_resnet20-no-own-norm",
)  # fmt: skip


def family_cases(tier: str) -> Iterator[Case]:
    """A case for every row, one for what is deployed of branches, and one for some rows folded."""
    for seed, (name, architecture, config, (batch, height, width)) in enumerate(FAMILY):
        checked = configure(architecture, config)
        full = checked.to_dict()
        shape = (batch, checked.input_channels, height, width)
        label = f"{architecture}-{name}"
        yield Case(label, tier, architecture, full, shape, "scaled", seed)
        if full.get("branches") or architecture == "ghostnetv3":
            yield Case(f"{label}-{DEPLOYED}", tier, architecture, full, shape, "scaled", seed)
        if label in FOLDED_ROWS:
            yield Case(f"{label}-{FOLDED}", tier, architecture, full, shape, "scaled", seed)
