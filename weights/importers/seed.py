"""State dicts of the PyTorch class that GhostConv's semantics, names and defaults come from."""

from __future__ import annotations

from collections.abc import Iterator

from weights.architectures import Config
from weights.ghost_conv import GhostConvConfig
from weights.importers.checkpoints import Checkpoint
from weights.importers.rules import (
    Arguments,
    Importer,
    Kernels,
    Plan,
    find_ratio,
    read_kernels,
    settle,
)

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_conv.0.weight"
# Arguments of GhostConv that the class does not have, and what it computes with.
FIXED = {
    "dilation": (1, 1),
    "groups": 1,
    "activation": "relu",
    "bn_eps": 1e-5,
    "bn_momentum": 0.1,
}


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The GhostConv that the shapes tell; stride and padding are assumed to be the defaults."""
    kernels = read_kernels(checkpoint, PRIMARY, CHEAP)
    read = kernels.arguments(given.get("groups", 1))
    assumed: Arguments = {"stride": 1, "padding": 0}
    channels = kernels.channels
    # Without a cheap half the output may be cropped, which leaves no trace in the tensors.
    (read if channels.multiplier else assumed)["c_out"] = channels.c_int + channels.c_cheap
    if "ratio" not in given:
        _add_ratio(kernels, read, assumed, given)
    config, assumed = settle(read, assumed, given)
    return Plan("ghost_conv", config, assumed)


def foreign_name(name: str) -> str:
    """The class's own name of a tensor, which is the canonical one."""
    return name


def differences(config: Config) -> Iterator[str]:
    """Every way in which no instance of the class computes what `config` says."""
    if not isinstance(config, GhostConvConfig):
        return
    for name, value in FIXED.items():
        if getattr(config, name) != value:
            yield f"its `{name}` is always {value!r}, the file has {getattr(config, name)!r}"
    c_int, c_cheap = config.channels.c_int, config.channels.c_cheap
    if c_cheap and c_int + c_cheap != config.c_out:
        yield f"it has no crop of {c_int} + {c_cheap} channels to {config.c_out}"


def _add_ratio(kernels: Kernels, read: Arguments, assumed: Arguments, given: Arguments) -> None:
    known = read | given
    c_out = (assumed | known)["c_out"]
    ratio, unique = find_ratio(c_out, kernels.channels, given.get("split", "round"))
    certain = unique and "c_out" in known
    (read if certain else assumed)["ratio"] = ratio


SEED = Importer("seed", ("ghost_conv",), plan, foreign_name, differences)
