"""Wrong arguments and inputs, and the exact text of the error of each, typed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """Arguments, or an input, that must be refused with exactly this text."""

    name: str
    config: dict[str, Any] = field(hash=False)
    text: str
    input_shape: tuple[int, ...] = (2, 8, 6, 6)
    architecture: str = "ghost_conv"


MISTAKES = (
    Mistake("c_in-zero", {"c_in": 0, "c_out": 8},
            "`c_in` must be an integer of at least 1, got 0"),
    Mistake("c_out-negative", {"c_in": 8, "c_out": -4},
            "`c_out` must be an integer of at least 1, got -4"),
    Mistake("c_out-float", {"c_in": 8, "c_out": 8.0},
            "`c_out` must be an integer of at least 1, got 8.0"),
    Mistake("c_out-bool", {"c_in": 8, "c_out": True},
            "`c_out` must be an integer of at least 1, got True"),
    Mistake("c_in-text", {"c_in": "8", "c_out": 8},
            "`c_in` must be an integer of at least 1, got '8'"),
    Mistake("kernel_size-zero", {"c_in": 8, "c_out": 8, "kernel_size": 0},
            "`kernel_size` must be at least 1, got 0"),
    Mistake("kernel_size-triple", {"c_in": 8, "c_out": 8, "kernel_size": [3, 3, 3]},
            "`kernel_size` must be an integer or a pair of integers (height, width), "
            "got [3, 3, 3]"),
    Mistake("ratio-zero", {"c_in": 8, "c_out": 8, "ratio": 0},
            "`ratio` must be a finite number above 0, got 0"),
    Mistake("ratio-negative", {"c_in": 8, "c_out": 8, "ratio": -2},
            "`ratio` must be a finite number above 0, got -2"),
    Mistake("ratio-nan", {"c_in": 8, "c_out": 8, "ratio": float("nan")},
            "`ratio` must be a finite number above 0, got nan"),
    Mistake("ratio-infinite", {"c_in": 8, "c_out": 8, "ratio": float("inf")},
            "`ratio` must be a finite number above 0, got inf"),
    Mistake("ratio-vanishing", {"c_in": 8, "c_out": 8, "ratio": 1e-320},
            "`ratio` must divide `c_out` into a finite number of channels, got 1e-320 for 8"),
    Mistake("ratio-text", {"c_in": 8, "c_out": 8, "ratio": "2"},
            "`ratio` must be a finite number above 0, got '2'"),
    Mistake("dw_kernel_size-even", {"c_in": 8, "c_out": 8, "dw_kernel_size": 4},
            "`dw_kernel_size` must be odd, got 4: an even kernel cannot keep the height and width"),
    Mistake("dw_kernel_size-zero", {"c_in": 8, "c_out": 8, "dw_kernel_size": 0},
            "`dw_kernel_size` must be an integer of at least 1, got 0"),
    Mistake("dw_kernel_size-pair", {"c_in": 8, "c_out": 8, "dw_kernel_size": [3, 3]},
            "`dw_kernel_size` must be an integer of at least 1, got [3, 3]"),
    Mistake("stride-zero", {"c_in": 8, "c_out": 8, "stride": 0},
            "`stride` must be at least 1, got 0"),
    Mistake("stride-pair-zero", {"c_in": 8, "c_out": 8, "stride": [1, 0]},
            "`stride` must be at least 1, got (1, 0)"),
    Mistake("padding-negative", {"c_in": 8, "c_out": 8, "padding": -1},
            "`padding` must be at least 0, got -1"),
    Mistake("padding-same", {"c_in": 8, "c_out": 8, "padding": "same"},
            "`padding` must be an integer or a pair of integers (height, width), got 'same'"),
    Mistake("padding-single", {"c_in": 8, "c_out": 8, "padding": [1]},
            "`padding` must be an integer or a pair of integers (height, width), got [1]"),
    Mistake("dilation-zero", {"c_in": 8, "c_out": 8, "dilation": 0},
            "`dilation` must be at least 1, got 0"),
    Mistake("groups-zero", {"c_in": 8, "c_out": 8, "groups": 0},
            "`groups` must be an integer of at least 1, got 0"),
    Mistake("groups-not-of-c_in", {"c_in": 8, "c_out": 12, "groups": 3},
            "`groups` must divide `c_in`, got 3 for 8"),
    Mistake("groups-not-of-c_int", {"c_in": 8, "c_out": 12, "groups": 4},
            "`groups` must divide the primary channels `c_int`, got 4 for 6"),
    Mistake("split-unknown", {"c_in": 8, "c_out": 8, "split": "half"},
            "`split` must be one of round, ceil, floor, got 'half'"),
    Mistake("split-ceil-fraction", {"c_in": 8, "c_out": 8, "split": "ceil", "ratio": 1.5},
            "`ratio` must be an integer for split 'ceil', got 1.5: use split 'round'"),
    Mistake("split-floor-remainder", {"c_in": 8, "c_out": 9, "split": "floor"},
            "`ratio` must divide `c_out` for split 'floor', got 2 for 9: "
            "use split 'round' or 'ceil'"),
    Mistake("activation-unknown", {"c_in": 8, "c_out": 8, "activation": "gelu"},
            "`activation` must be one of relu, relu6, silu, hard_swish, identity, got 'gelu'"),
    Mistake("bn_eps-zero", {"c_in": 8, "c_out": 8, "bn_eps": 0},
            "`bn_eps` must be a finite number above 0, got 0"),
    Mistake("bn_momentum-above-one", {"c_in": 8, "c_out": 8, "bn_momentum": 1.5},
            "`bn_momentum` must be a finite number above 0 and at most 1, got 1.5"),
    Mistake("argument-unknown", {"c_in": 8, "c_out": 8, "mode": "same"},
            "the configuration of ghost_conv got an unexpected keyword argument 'mode': it has "
            "c_in, c_out, kernel_size, ratio, dw_kernel_size, stride, padding, dilation, groups, "
            "split, activation, bn_eps, bn_momentum, form, bias"),
    Mistake("input-three-axes", {"c_in": 8, "c_out": 8},
            "the input must have 4 axes (batch, channels, height, width, in the framework's "
            "order), got 3", (8, 6, 6)),
    Mistake("input-channels", {"c_in": 8, "c_out": 8},
            "the input must have `c_in` = 8 channels, got 7", (2, 7, 6, 6)),
    Mistake("input-smaller-than-kernel", {"c_in": 8, "c_out": 8, "kernel_size": 5, "padding": 1},
            "`kernel_size` must fit into the padded input, got 5 rows or columns of kernel for 4 "
            "of width: enlarge the input or `padding`", (2, 8, 6, 2)),
    Mistake("input-smaller-than-dilated-kernel",
            {"c_in": 8, "c_out": 8, "kernel_size": 3, "dilation": 3},
            "`kernel_size` must fit into the padded input, got 7 rows or columns of kernel for 6 "
            "of height: enlarge the input or `padding`"),
    Mistake("v2-single-row", {"c_in": 8, "c_out": 8},
            "DFC attention needs an input of at least 2 rows and 2 columns, which it halves, got "
            "1 x 6 (height x width): enlarge the input", (2, 8, 1, 6), "ghost_conv_v2"),
    Mistake("v3-kernel_size-even", {"c_in": 8, "c_out": 8, "kernel_size": 2},
            "`kernel_size` must be odd, got 2: an even kernel cannot keep the height and width",
            architecture="ghost_conv_v3"),
    Mistake("v3-form-unknown", {"c_in": 8, "c_out": 8, "form": "fused"},
            "`form` must be one of training, deployed, folded, got 'fused'",
            architecture="ghost_conv_v3"),
    Mistake("v3-branches-zero", {"c_in": 8, "c_out": 8, "branches": 0},
            "`branches` must be an integer of at least 1, got 0", architecture="ghost_conv_v3"),
    Mistake("se-nothing-left", {"channels": 3, "rounding": "floor"},
            "`se_ratio` must leave at least one channel of 3, got 0.25: enlarge it",
            architecture="squeeze_excite"),
    Mistake("bottleneck-deployed-without-branches",
            {"c_in": 8, "c_mid": 8, "c_out": 8, "form": "deployed"},
            "`form` 'deployed' is that of modules with `branches`, got branches=0",
            architecture="ghost_bottleneck"),
    Mistake("c3-channels", {"c1": 8, "c2": 12},
            "`c2` times `e` must be a multiple of 4, got 12 x 0.5: each GhostBottleneck halves the "
            "inner channels twice", architecture="c3_ghost"),
    Mistake("ghostnet-deployed", {"form": "deployed"},
            "`form` 'deployed' is GhostNetV3's, got it for version 1", architecture="ghostnet"),
    Mistake("ghostnet-head", {"head": "linear"},
            "`head` must be one of bias, norm, got 'linear'", architecture="ghostnet"),
    Mistake("ghostnetv2-small", {"width": 0.1},
            "the input must be at least 33 x 33 (height x width), got 40 x 32: nothing would be "
            "left of the smallest maps; enlarge it", (1, 3, 40, 32), "ghostnetv2"),
    Mistake("vgg-small", {"ratio": 5},
            "the input must be at least 32 x 32 (height x width), got 31 x 32: it is halved 5 "
            "times; enlarge it", (1, 3, 31, 32), "ghost_vgg16"),
    Mistake("resnet-channels", {"in_chans": 1},
            "the input must have `in_chans` = 1 channels, got 3", (1, 3, 8, 8), "ghost_resnet20"),
)  # fmt: skip
