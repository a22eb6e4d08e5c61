"""Mistakes that every framework refuses, each with its whole text, typed in."""

from __future__ import annotations

from typing import Any

RIGHT: dict[str, Any] = {"c_in": 6, "c_out": 8, "kernel_size": 3, "dilation": 2}

# (what is wrong, the arguments that differ from RIGHT, the text)
ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("zero c_in", {"c_in": 0}, "`c_in` must be an integer of at least 1, got 0"),
    ("fractional c_in", {"c_in": 3.0}, "`c_in` must be an integer of at least 1, got 3.0"),
    ("boolean c_in", {"c_in": True}, "`c_in` must be an integer of at least 1, got True"),
    ("negative c_out", {"c_out": -4}, "`c_out` must be an integer of at least 1, got -4"),
    ("c_out as text", {"c_out": "8"}, "`c_out` must be an integer of at least 1, got '8'"),
    ("zero kernel", {"kernel_size": 0}, "`kernel_size` must be at least 1, got 0"),
    ("kernel of one zero", {"kernel_size": (3, 0)}, "`kernel_size` must be at least 1, got (3, 0)"),
    ("three kernel sizes", {"kernel_size": (3, 3, 3)},
     "`kernel_size` must be an integer or a pair of integers (height, width), got (3, 3, 3)"),
    ("kernel as text", {"kernel_size": "33"},
     "`kernel_size` must be an integer or a pair of integers (height, width), got '33'"),
    ("zero ratio", {"ratio": 0}, "`ratio` must be a finite number above 0, got 0"),
    ("negative ratio", {"ratio": -1.5}, "`ratio` must be a finite number above 0, got -1.5"),
    ("infinite ratio", {"ratio": float("inf")}, "`ratio` must be a finite number above 0, got inf"),
    ("ratio not a number", {"ratio": float("nan")},
     "`ratio` must be a finite number above 0, got nan"),
    ("ratio as text", {"ratio": "2"}, "`ratio` must be a finite number above 0, got '2'"),
    ("even dw_kernel_size", {"dw_kernel_size": 4},
     "`dw_kernel_size` must be odd, got 4: an even kernel cannot keep the height and width"),
    ("zero dw_kernel_size", {"dw_kernel_size": 0},
     "`dw_kernel_size` must be an integer of at least 1, got 0"),
    ("pair as dw_kernel_size", {"dw_kernel_size": (3, 3)},
     "`dw_kernel_size` must be an integer of at least 1, got (3, 3)"),
    ("zero stride", {"stride": 0}, "`stride` must be at least 1, got 0"),
    ("a stride of one", {"stride": (2,)},
     "`stride` must be an integer or a pair of integers (height, width), got (2,)"),
    ("negative padding", {"padding": -1}, "`padding` must be at least 0, got -1"),
    ("padding by name", {"padding": "same"},
     "`padding` must be an integer or a pair of integers (height, width), got 'same'"),
    ("zero dilation", {"dilation": (1, 0)}, "`dilation` must be at least 1, got (1, 0)"),
    ("zero groups", {"groups": 0}, "`groups` must be an integer of at least 1, got 0"),
    ("groups and c_in", {"groups": 4}, "`groups` must divide `c_in`, got 4 for 6"),
    ("groups and c_int", {"groups": 3},
     "`groups` must divide the primary channels `c_int`, got 3 for 4"),
    ("bias as a number", {"bias": 1}, "`bias` must be True or False, got 1"),
    ("unknown split", {"split": "half"}, "`split` must be one of round, ceil, floor, got 'half'"),
    ("fractional ratio for ceil", {"split": "ceil", "ratio": 2.5},
     "`ratio` must be an integer for split 'ceil', got 2.5: use split 'round'"),
    ("ratio and c_out for floor", {"split": "floor", "ratio": 3},
     "`ratio` must divide `c_out` for split 'floor', got 3 for 8: use split 'round' or 'ceil'"),
    ("unknown activation", {"activation": "gelu"},
     "`activation` must be one of relu, relu6, silu, hard_swish, identity, leaky_relu:SLOPE, got "
     "'gelu'"),
    ("zero bn_eps", {"bn_eps": 0.0}, "`bn_eps` must be a finite number above 0, got 0.0"),
    ("zero bn_momentum", {"bn_momentum": 0},
     "`bn_momentum` must be a finite number above 0 and at most 1, got 0"),
    ("bn_momentum above one", {"bn_momentum": 1.5},
     "`bn_momentum` must be a finite number above 0 and at most 1, got 1.5"),
]  # fmt: skip

NETWORK_ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("fewer than no classes", {"num_classes": -1},
     "`num_classes` must be an integer of at least 0, got -1"),
    ("no channels", {"in_chans": 0}, "`in_chans` must be an integer of at least 1, got 0"),
    ("negative ratio", {"ratio": -2}, "`ratio` must be a finite number above 0, got -2"),
    ("ratio and channels", {"ratio": 3, "split": "floor"},
     "`ratio` must divide `c_out` for split 'floor', got 3 for 16: use split 'round' or 'ceil'"),
]  # fmt: skip

# (what is wrong, the input's shape as NCHW, its type, the text)
INPUTS: list[tuple[str, tuple[int, ...], str, str]] = [
    ("three axes", (6, 9, 9), "float32",
     "the input must have 4 axes (batch, channels, height, width, in the framework's order), "
     "got 3"),
    ("five axes", (1, 2, 6, 9, 9), "float32",
     "the input must have 4 axes (batch, channels, height, width, in the framework's order), "
     "got 5"),
    ("channels", (2, 3, 9, 9), "float32", "the input must have `c_in` = 6 channels, got 3"),
    ("integers", (2, 6, 9, 9), "int32",
     "the input must be of type float16, bfloat16, float32, float64, got int32: cast it"),
    ("too low", (2, 6, 4, 9), "float32",
     "`kernel_size` must fit into the padded input, got 5 rows or columns of kernel for 4 of "
     "height: enlarge the input or `padding`"),
    ("too narrow", (2, 6, 9, 3), "float32",
     "`kernel_size` must fit into the padded input, got 5 rows or columns of kernel for 3 of "
     "width: enlarge the input or `padding`"),
]  # fmt: skip
