"""Checkpoints of Huawei's PyTorch GhostNets: timm's names, but for the branches of GhostNetV3."""

import re
from collections.abc import Iterable

from weights.errors import ImportRefused
from weights.files.storage import PathLike
from weights.importers.importer import Arguments, Importer, Inferred, Shapes
from weights.importers.layouts import timm

# In the branches the batch normalisation is called `bn`, which timm renamed.
RENAMES = (*timm.RENAMES, (r"(_rpr_(?:conv\.\d+|scale))\.bn1\.", r"\1.bn."))
INVERSE = ((r"(_rpr_(?:conv\.\d+|scale))\.bn\.", r"\1.bn1."), *timm.INVERSE)
ARCHITECTURES = ("ghostnet", "ghostnetv2", "ghostnetv3")
# The scope of the variables in Huawei's TensorFlow checkpoint really bears this name.
TENSORFLOW_SCOPE = "MobileNetV2/"
TENSORFLOW_FILE = re.compile(r"\.(index|meta|pb|data-\d+-of-\d+)$")
TENSORFLOW_REASONS = (
    "its padding SAME puts the odd row and column of zeros at the end: at stride 2 it sees other "
    "positions than symmetric padding at every even size, and no weights undo that",
    "its gate is clip(x, 0, 1), not relu6(x + 3) / 6 (weights could be converted)",
    "its squeeze-and-excitation has c // 4 channels, not the next multiple of 4 (a configuration)",
    "its head has batch normalisation instead of a bias (a configuration)",
)


def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer the network from canonical names and shapes."""
    refuse_tensorflow(shapes.path, shapes.found)
    return timm.infer(shapes, architecture, given)


def refuse_tensorflow(path: PathLike, names: Iterable[str] = ()) -> None:
    """Raise `ImportRefused`, with every reason, for Huawei's TensorFlow checkpoint."""
    if TENSORFLOW_FILE.search(str(path)) or any(TENSORFLOW_SCOPE in name for name in names):
        reasons = "".join(f"\n  - {reason}" for reason in TENSORFLOW_REASONS)
        raise ImportRefused(
            f"{path} is Huawei's TensorFlow GhostNet, which is another function than the PyTorch "
            f"one:{reasons}\nuse the PyTorch checkpoint of the same repository, or timm's"
        )


HUAWEI = Importer(
    "huawei",
    ARCHITECTURES,
    timm.STARTS,
    infer,
    timm.differences,
    RENAMES,
    INVERSE,
    refuse=refuse_tensorflow,
)
