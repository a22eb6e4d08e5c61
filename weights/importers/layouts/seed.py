"""State dicts of the PyTorch class that GhostConv's semantics, names and defaults come from."""

import re
from collections.abc import Iterator

from weights.importers.importer import Arguments, Importer, Inferred, Shapes, fixed_differences
from weights.importers.layouts.ghost_modules import find_ratio, read_ghost_module
from weights.importers.layouts.layers import CHEAP, PRIMARY
from weights.modules.ghost_conv import GhostConvConfig
from weights.networks.architectures import Config

STARTS = re.compile(r"primary_conv\.0\.weight")
# Arguments of GhostConv that the class does not have, and what it computes with.
ABSENT: Arguments = {
    "dilation": (1, 1), "dw_dilation": 1, "groups": 1, "activation": "relu", "bias": False,
}  # fmt: skip
FIXED = ABSENT | {"bn_eps": 1e-5, "bn_momentum": 0.1}


def infer(shapes: Shapes, architecture: str | None, given: Arguments) -> Inferred:
    """Infer the GhostConv from the shapes."""
    found, channels = read_ghost_module(shapes, PRIMARY, CHEAP, given)
    found = {"dw_kernel_size": 3, "split": "round"} | ABSENT | found
    defaults: Arguments = {}
    # Without a cheap half the output may be cropped, which leaves no trace in the tensors.
    (found if channels.multiplier else defaults)["c_out"] = channels.c_int + channels.c_cheap
    if "ratio" not in given:
        known = found | given
        ratio, unique = find_ratio((defaults | known)["c_out"], channels, known["split"])
        (found if unique and "c_out" in known else defaults)["ratio"] = ratio
    return Inferred("ghost_conv", found, defaults)


def differences(config: Config) -> Iterator[str]:
    """Yield every way in which no instance of the class computes what `config` says."""
    if not isinstance(config, GhostConvConfig):
        return
    yield from fixed_differences(config, FIXED)
    c_int, c_cheap = config.channels.c_int, config.channels.c_cheap
    if c_cheap and c_int + c_cheap != config.c_out:
        yield f"it has no crop of {c_int} + {c_cheap} channels to {config.c_out}"


SEED = Importer("seed", ("ghost_conv",), STARTS, infer, differences)
