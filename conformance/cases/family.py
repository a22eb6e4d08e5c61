"""The modules and small networks that the tiers `family` and `training` run.

Widths are small and sizes odd: they show what a network of the usual width would, and faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.cases.case import FULL, INFERENCE_ONLY, USUAL, Case
from weights import configure
from weights.modules.forms import DEPLOYED, FOLDED
from weights.modules.yolo import ghost_bottleneck_arguments, ghost_conv_arguments


@dataclass(frozen=True)
class Row:
    """A module by its name within the architecture, input (N, H, W), tags and data of its cases."""

    name: str
    architecture: str
    config: Mapping[str, Any] = field(hash=False)
    size: tuple[int, int, int]
    tags: tuple[str, ...] = ()
    data: str = "scaled"


D_LI14_BLOCK = {"se_rounding": "floor", "shortcut_kernel_size": 3, "shortcut_activation": "relu"}
D_LI14 = D_LI14_BLOCK | {"head": "norm"}
STRIDE_2 = {"kernel_size": 3, "stride": 2, "padding": 1}
TINY = {"width": 0.1, "num_classes": 10}
HEADLESS = TINY | {"num_classes": 0}
V2 = {"c_in": 6, "c_out": 10}
V3 = {"c_in": 6, "c_out": 12}
ATTENTIVE = {"attention": True, "activation": "silu"}
BLOCK = {"c_in": 8, "c_mid": 20, "c_out": 12}
NARROW = {"stride": 2, "attention": True, "branches": 2}
STRIDED = BLOCK | {"stride": 2, "se_ratio": 0.25, "kernel_size": 5}
REP_STRIDED = {"kernel_size": [3, 5], "dw_kernel_size": 5, "stride": 2, "activation": "silu"}
BIASED = {"c_in": 6, "c_out": 11, "ratio": 3, "bias": True, "activation": "leaky_relu:0.3"}
# Those that have branches whatever their configuration.
BRANCHED = ("ghostnetv3", "rep_ghost_conv", "rep_ghost_bottleneck", "repghostnet")
PLAIN_STEM = {"plain_stem": True, "num_classes": 0}
PLAIN_RESNET = {"norm": False, "stem_ratio": 1, "split": "ceil"}

FAMILY = (
    Row("divisible", "squeeze_excite", {"channels": 72}, (2, 5, 7), (USUAL,), "saturated"),
    Row("floor", "squeeze_excite", {"channels": 72, "rounding": "floor"}, (1, 1, 6)),
    # DFC attention on sizes whose halves do not divide them
    Row("7x7", "ghost_conv_v2", V2 | {"split": "ceil"}, (2, 7, 7), (USUAL,)),
    Row("5x11", "ghost_conv_v2", V2 | {"ratio": 3}, (1, 5, 11)),
    Row("3x3-stride-2", "ghost_conv_v2", V2 | STRIDE_2, (2, 9, 14), (FOLDED,)),
    Row("smallest", "ghost_conv_v2", V2, (2, 2, 3)),
    Row("dilated", "ghost_conv_v2", V2 | {"dw_dilation": 2}, (1, 11, 8)),
    # branches: every one that there can be, and every one that can be missing
    Row("1x1", "ghost_conv_v3", V3, (2, 6, 7)),
    Row("3x3", "ghost_conv_v3", V3 | {"kernel_size": 3}, (1, 7, 6)),
    Row("all-branches", "ghost_conv_v3", V3 | {"kernel_size": 3, "dw_kernel_size": 5}, (2, 5, 5)),
    Row("no-primary-skip", "ghost_conv_v3", V3 | {"primary_skip": False}, (2, 5, 5)),
    Row("stride-2", "ghost_conv_v3", V3 | {"kernel_size": [3, 5], "stride": 2}, (1, 9, 8)),
    Row("ratio-3", "ghost_conv_v3", V3 | {"ratio": 3, "kernel_size": 3}, (2, 5, 6)),
    Row("ratio-4-odd", "ghost_conv_v3", V3 | {"c_out": 11, "ratio": 4}, (1, 6, 5)),
    Row("ratio-1", "ghost_conv_v3", V3 | {"c_out": 6, "ratio": 1, "kernel_size": 3}, (2, 4, 5)),
    Row("one-branch", "ghost_conv_v3", V3 | {"branches": 1, "dw_kernel_size": 1}, (1, 5, 5)),
    Row("attention", "ghost_conv_v3", V3 | ATTENTIVE, (2, 7, 5), (FOLDED,)),
    Row("plain", "ghost_bottleneck", BLOCK, (2, 7, 6)),
    Row("input-as-shortcut", "ghost_bottleneck", BLOCK | {"c_out": 8}, (1, 6, 6)),
    Row("stride-2-se", "ghost_bottleneck", STRIDED, (2, 9, 10), (USUAL, FOLDED)),
    Row("d-li14", "ghost_bottleneck", STRIDED | D_LI14_BLOCK, (1, 7, 7), (), "saturated"),
    Row("attention", "ghost_bottleneck", BLOCK | {"attention": True}, (1, 7, 9)),
    Row("branches", "ghost_bottleneck", STRIDED | {"branches": 3}, (2, 8, 7)),
    Row("v3-attention", "ghost_bottleneck", BLOCK | {"branches": 2, "attention": True}, (1, 7, 7)),
    # dilation in the place of a stride
    Row("dilated", "ghost_bottleneck", STRIDED | {"dilation": 4}, (2, 9, 8), (FOLDED,)),
    Row("dilated-v3", "ghost_bottleneck", BLOCK | NARROW | {"dilation": 2}, (1, 7, 9)),
    Row("dilated", "rep_ghost_bottleneck", STRIDED | {"dilation": 2}, (1, 8, 9)),
    # RepGhost: its two branches, with every kernel that is not square or not 3x3
    Row("1x1", "rep_ghost_conv", V3, (2, 6, 7), (USUAL,)),
    Row("3x5-stride-2", "rep_ghost_conv", V3 | REP_STRIDED, (1, 9, 8), (FOLDED,)),
    Row("plain", "rep_ghost_bottleneck", BLOCK | {"c_out": 8}, (1, 7, 6)),
    Row("stride-2-se", "rep_ghost_bottleneck", STRIDED, (2, 9, 10), (FOLDED,)),
    Row("yolo", "ghost_conv", ghost_conv_arguments(8, 16, 3, 2), (2, 9, 8), (FOLDED,)),
    Row("yolo", "ghost_bottleneck", ghost_bottleneck_arguments(8, 16, 5, 2), (1, 9, 8)),
    Row("two-blocks", "c3_ghost", {"c1": 8, "c2": 16, "n": 2}, (2, 6, 7), (FOLDED,)),
    Row("tiny", "ghostnet", TINY, (2, 33, 47)),
    Row("d-li14", "ghostnet", TINY | D_LI14 | {"in_chans": 1}, (1, 40, 33)),
    Row("one-pixel", "ghostnet", HEADLESS | {"ratio": 3}, (1, 1, 1), (FULL, INFERENCE_ONLY)),
    Row("output-stride-8", "ghostnet", TINY | {"output_stride": 8}, (1, 40, 33)),
    Row("tiny", "ghostnetv2", TINY, (1, 97, 65)),
    Row("output-stride-16", "ghostnetv2", TINY | {"output_stride": 16}, (1, 17, 33), (FULL,)),
    Row("smallest", "ghostnetv2", TINY, (2, 33, 33), (FULL,)),
    Row("tiny", "ghostnetv3", TINY, (1, 65, 97)),
    Row("tiny", "repghostnet", TINY, (1, 33, 47)),
    Row("ratio-4", "ghost_vgg16", {"ratio": 4, "dw_kernel_size": 1, "dropout": 0.5}, (1, 32, 39)),
    Row("no-own-norm", "ghost_resnet20", PLAIN_RESNET, (2, 16, 15), (FOLDED,)),
    Row("plain-stem", "ghost_resnet20", PLAIN_STEM, (1, 9, 8), (FOLDED,)),
    Row("bias", "ghost_conv", BIASED, (2, 6, 5), (FOLDED,)),
)  # fmt: skip


def family_cases(tier: str) -> Iterator[Case]:
    """A case for every row, and one for each other form of it that is judged.

    Whatever has branches is judged with them merged; a row with the tag `folded`, each of which
    costs a compilation, without its batch normalisations.
    """
    for row in FAMILY:
        config = configure(row.architecture, row.config)
        batch, height, width = row.size
        shape = (batch, config.input_channels, height, width)
        label, full = f"{row.architecture}-{row.name}", config.to_dict()
        case = Case(label, tier, row.architecture, full, shape, row.data, tags=row.tags)
        yield case
        has_branches = full.get("branches") or row.architecture in BRANCHED
        for form, is_judged in ((DEPLOYED, has_branches), (FOLDED, FOLDED in row.tags)):
            if is_judged:
                yield replace(case, id=f"{label}-{form}", form=form)
