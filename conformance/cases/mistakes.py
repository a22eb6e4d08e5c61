"""Wrong arguments and inputs, and the exact text of the error of each, typed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

INPUT_SHAPE = (2, 8, 6, 6)
RIGHT = {"c_in": 8, "c_out": 8}


@dataclass(frozen=True)
class Mistake:
    """Arguments, or an input, that must be refused with exactly this text.

    `right` are arguments without the mistake, of which the others and the tensors are. Of a step,
    it is the training step that must be refused.
    """

    name: str
    architecture: str
    config: dict[str, Any] = field(hash=False)
    text: str
    input_shape: tuple[int, ...] = INPUT_SHAPE
    right: dict[str, Any] = field(default_factory=dict, hash=False)
    is_step: bool = False


def _layer(
    name: str, text: str, input_shape: tuple[int, ...] = INPUT_SHAPE,
    architecture: str = "ghost_conv", *, is_step: bool = False, **arguments: Any,
) -> Mistake:  # fmt: skip
    """A mistake in a layer of 8 to 8 channels, where `arguments` name no others."""
    config = RIGHT | arguments
    return Mistake(name, architecture, config, text, input_shape, RIGHT, is_step)


ONE_VALUE = (
    "training needs more than one value per channel (batch x height x width), got 1: the variance "
    "of a single value is undefined; use a larger batch or evaluation mode"
)


NARROW = {"width": 0.1}
MISTAKES = (
    _layer("c_in-zero", "`c_in` must be an integer of at least 1, got 0", c_in=0),
    _layer("c_out-negative", "`c_out` must be an integer of at least 1, got -4", c_out=-4),
    _layer("c_out-float", "`c_out` must be an integer of at least 1, got 8.0", c_out=8.0),
    _layer("c_out-bool", "`c_out` must be an integer of at least 1, got True", c_out=True),
    _layer("c_in-text", "`c_in` must be an integer of at least 1, got '8'", c_in="8"),
    _layer("kernel_size-zero", "`kernel_size` must be at least 1, got 0", kernel_size=0),
    _layer("kernel_size-triple",
           "`kernel_size` must be an integer or a pair of integers (height, width), "
           "got [3, 3, 3]", kernel_size=[3, 3, 3]),
    _layer("ratio-zero", "`ratio` must be a finite number above 0, got 0", ratio=0),
    _layer("ratio-negative", "`ratio` must be a finite number above 0, got -2", ratio=-2),
    _layer("ratio-nan", "`ratio` must be a finite number above 0, got nan", ratio=float("nan")),
    _layer("ratio-infinite",
           "`ratio` must be a finite number above 0, got inf", ratio=float("inf")),
    _layer("ratio-vanishing",
           "`ratio` must divide `c_out` into a finite number of channels, got 1e-320 for 8",
           ratio=1e-320),
    _layer("ratio-text", "`ratio` must be a finite number above 0, got '2'", ratio="2"),
    _layer("dw_kernel_size-even",
           "`dw_kernel_size` must be odd, got 4: an even kernel cannot keep the height and width",
           dw_kernel_size=4),
    _layer("dw_kernel_size-zero",
           "`dw_kernel_size` must be an integer of at least 1, got 0", dw_kernel_size=0),
    _layer("dw_kernel_size-pair",
           "`dw_kernel_size` must be an integer of at least 1, got [3, 3]", dw_kernel_size=[3, 3]),
    _layer("stride-zero", "`stride` must be at least 1, got 0", stride=0),
    _layer("stride-pair-zero", "`stride` must be at least 1, got (1, 0)", stride=[1, 0]),
    _layer("padding-negative", "`padding` must be at least 0, got -1", padding=-1),
    _layer("padding-same",
           "`padding` must be an integer or a pair of integers (height, width), got 'same'",
           padding="same"),
    _layer("padding-single",
           "`padding` must be an integer or a pair of integers (height, width), got [1]",
           padding=[1]),
    _layer("dilation-zero", "`dilation` must be at least 1, got 0", dilation=0),
    _layer("dw_dilation-zero",
           "`dw_dilation` must be an integer of at least 1, got 0", dw_dilation=0),
    _layer("groups-zero", "`groups` must be an integer of at least 1, got 0", groups=0),
    _layer("groups-not-of-c_in", "`groups` must divide `c_in`, got 3 for 8", c_out=12, groups=3),
    _layer("groups-not-of-c_int",
           "`groups` must divide the primary channels `c_int`, got 4 for 6", c_out=12, groups=4),
    _layer("split-unknown", "`split` must be one of round, ceil, floor, got 'half'", split="half"),
    _layer("split-ceil-fraction",
           "`ratio` must be an integer for split 'ceil', got 1.5: use split 'round'",
           split="ceil", ratio=1.5),
    _layer("split-floor-remainder",
           "`ratio` must divide `c_out` for split 'floor', got 2 for 9: "
           "use split 'round' or 'ceil'", c_out=9, split="floor"),
    _layer("activation-unknown",
           "`activation` must be one of relu, relu6, silu, hard_swish, identity, "
           "leaky_relu:SLOPE, got 'gelu'", activation="gelu"),
    _layer("activation-without-slope",
           "`activation` must give a leaky relu's slope as a number above 0 and at most 1, such "
           "as 'leaky_relu:0.1', got 'leaky_relu'", activation="leaky_relu"),
    _layer("bn_eps-zero", "`bn_eps` must be a finite number above 0, got 0", bn_eps=0),
    _layer("bn_momentum-above-one",
           "`bn_momentum` must be a finite number above 0 and at most 1, got 1.5", bn_momentum=1.5),
    _layer("argument-unknown",
           "the configuration of ghost_conv got an unexpected keyword argument 'mode': it has "
           "c_in, c_out, kernel_size, ratio, dw_kernel_size, stride, padding, dilation, groups, "
           "split, activation, bn_eps, bn_momentum, form, bias, dw_dilation", mode="same"),
    _layer("input-three-axes",
           "the input must have 4 axes (batch, channels, height, width, in the framework's "
           "order), got 3", input_shape=(8, 6, 6)),
    _layer("input-channels",
           "the input must have `c_in` = 8 channels, got 7", input_shape=(2, 7, 6, 6)),
    _layer("input-smaller-than-kernel",
           "`kernel_size` must fit into the padded input, got 5 rows or columns of kernel for 4 "
           "of width: enlarge the input or `padding`",
           input_shape=(2, 8, 6, 2), kernel_size=5, padding=1),
    _layer("input-smaller-than-dilated-kernel",
           "`kernel_size` must fit into the padded input, got 7 rows or columns of kernel for 6 "
           "of height: enlarge the input or `padding`", kernel_size=3, dilation=3),
    _layer("v2-single-row",
           "DFC attention needs an input of at least 2 rows and 2 columns, which it halves, got "
           "1 x 6 (height x width): enlarge the input",
           input_shape=(2, 8, 1, 6), architecture="ghost_conv_v2"),
    _layer("v3-kernel_size-even",
           "`kernel_size` must be odd, got 2: an even kernel cannot keep the height and width",
           architecture="ghost_conv_v3", kernel_size=2),
    _layer("v3-form-unknown",
           "`form` must be one of training, deployed, folded, got 'fused'",
           architecture="ghost_conv_v3", form="fused"),
    _layer("v3-branches-zero",
           "`branches` must be an integer of at least 1, got 0",
           architecture="ghost_conv_v3", branches=0),
    _layer("step-one-value", ONE_VALUE, (1, 8, 1, 1), is_step=True),
    _layer("step-one-value-left", ONE_VALUE, (1, 8, 2, 2), is_step=True, stride=2),
    _layer("step-one-value-of-gate", ONE_VALUE, (1, 8, 2, 3), "ghost_conv_v2", is_step=True),
    _layer("step-folded",
           "a module in form 'folded' cannot train, its batch normalisations are merged into its "
           "convolutions: switch to evaluation, or train in form 'training' and call deploy() "
           "afterwards", is_step=True, form="folded"),
    Mistake("se-nothing-left", "squeeze_excite", {"channels": 3, "rounding": "floor"},
            "`se_ratio` must leave at least one channel of 3, got 0.25: enlarge it",
            right={"channels": 3}),
    Mistake("bottleneck-deployed-without-branches", "ghost_bottleneck",
            {"c_in": 8, "c_mid": 8, "c_out": 8, "form": "deployed"},
            "`form` 'deployed' is that of modules with `branches`, got branches=0",
            right={"c_in": 8, "c_mid": 8, "c_out": 8}),
    Mistake("bottleneck-dilation", "ghost_bottleneck",
            {"c_in": 8, "c_mid": 8, "c_out": 8, "stride": 2, "dilation": 3},
            "`stride` must divide a `dilation` above 1, got 2 for 3",
            right={"c_in": 8, "c_mid": 8, "c_out": 8}),
    Mistake("c3-channels", "c3_ghost", {"c1": 8, "c2": 12, "hidden": 6},
            "`c2` times `e` must be a multiple of 4, got 12 x 0.5: each GhostBottleneck halves "
            "the inner channels twice", right={"c1": 8, "c2": 8}),
    Mistake("ghostnet-deployed", "ghostnet", {"form": "deployed"},
            "`form` 'deployed' is GhostNetV3's, got it for version 1", right=NARROW),
    Mistake("ghostnet-head", "ghostnet", {"head": "linear"},
            "`head` must be one of bias, norm, got 'linear'", right=NARROW),
    Mistake("ghostnet-output-stride", "ghostnet", {"output_stride": 4},
            "`output_stride` must be one of 8, 16, 32, got 4", right=NARROW),
    Mistake("ghostnetv2-small", "ghostnetv2", NARROW,
            "the input must be at least 33 x 33 (height x width), got 40 x 32: nothing would be "
            "left of the smallest maps; enlarge it", (1, 3, 40, 32)),
    Mistake("vgg-small", "ghost_vgg16", {"ratio": 5},
            "the input must be at least 32 x 32 (height x width), got 31 x 32: it is halved 5 "
            "times; enlarge it", (1, 3, 31, 32)),
    Mistake("resnet-channels", "ghost_resnet20", {},
            "the input must have `in_chans` = 3 channels, got 1", (1, 1, 8, 8)),
)  # fmt: skip
