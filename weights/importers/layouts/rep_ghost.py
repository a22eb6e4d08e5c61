"""RepGhost's modules that a state dict may be of, read from canonical names and shapes."""

from weights.importers.importer import Arguments, Inferred, Shapes
from weights.importers.layouts.ghost_modules import best_fit
from weights.importers.layouts.layers import CHEAP, PRIMARY, read_shortcut, squeezings
from weights.modules.forms import DEPLOYED, TRAINING

# The branch beside the cheap convolution, and the convolution that has it inside.
FUSION, MERGED = "fusion_bn.0.weight", "cheap_conv.weight"


def is_rep_ghost(shapes: Shapes, prefix: str = "") -> bool:
    """Return whether the ghost module whose names begin so is RepGhost's."""
    return prefix + FUSION in shapes or prefix + MERGED in shapes


def read_rep_ghost(shapes: Shapes, prefix: str = "") -> Arguments:
    """Return the arguments that its ghost modules share with the block and the network."""
    form, cheap = (TRAINING, CHEAP) if prefix + FUSION in shapes else (DEPLOYED, MERGED)
    return {"dw_kernel_size": shapes.kernel(prefix + cheap)[2], "form": form}


def infer_rep_ghost_conv(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer RepGhostConv, which timm calls RepGhostModule."""
    c_out, c_in, *kernel_size = shapes.kernel(PRIMARY)
    found = {"c_in": c_in, "c_out": c_out, "kernel_size": tuple(kernel_size)}
    return Inferred(architecture, found | read_rep_ghost(shapes))


def infer_rep_ghost_bottleneck(shapes: Shapes, architecture: str, given: Arguments) -> Inferred:
    """Infer RepGhostBottleneck."""
    c_mid, c_in, *_ = shapes.kernel(f"ghost1.{PRIMARY}")
    outline, defaults = read_shortcut(shapes)
    found = {"c_in": c_in, "c_mid": c_mid, "c_out": c_in, "dilation": 1}
    found |= read_rep_ghost(shapes, "ghost1.")
    found |= {name: x for name, x in outline.items() if not name.startswith("shortcut")}
    candidates = (
        found | {"se_ratio": se_ratio}
        for se_ratio, rounding in squeezings(shapes, "se.", c_mid)
        if rounding == "divisible"
    )
    fitting = best_fit(shapes, architecture, candidates, defaults | given)
    return Inferred(architecture, fitting, defaults)
