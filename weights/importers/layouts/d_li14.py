"""Checkpoints of d-li14's PyTorch GhostNet: other names, another gate, shortcut and head."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from weights.importers.importer import Arguments, Importer, Inferred, Shapes
from weights.importers.layouts import timm
from weights.importers.layouts.ghostnets import canonical_shapes, infer_ghostnet, numbered_blocks
from weights.networks.architectures import Config
from weights.networks.ghostnet import ROWS
from weights.tensors import CONVOLUTION, TensorSpec

GATE = "clip01"
STARTS = re.compile(r"features\.0\.0\.weight")
# The arguments that its class always has; the tensors do not determine those of UNDETERMINED.
ARGUMENTS = {
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


def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer the network from the names of d-li14."""
    what = "d-li14's GhostNet, with a tensor"
    canonical = canonical_shapes(shapes, what, to_canonical, head="norm")
    found = infer_ghostnet(canonical, "ghostnet", given, ARGUMENTS)
    defaults = {name: found.arguments.pop(name) for name in UNDETERMINED}
    return replace(found, defaults=defaults)


def to_canonical(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return a tensor of d-li14's as this project has it: linear layers are 1x1 convolutions."""
    if spec.kind == CONVOLUTION and array.ndim == 2:
        return array.reshape(*array.shape, 1, 1)
    return array


def differences(config: Config) -> Iterator[str]:
    """Yield why there is no way back: dividing by 6 does not give every number again."""
    yield "weights of its gate cannot be written back bit for bit"


D_LI14 = Importer(
    "d-li14", ("ghostnet",), STARTS, infer, differences, RENAMES, (), to_canonical, GATE
)
