"""State dicts of the PyTorch class that GhostConv's semantics, names and defaults come from."""

from __future__ import annotations

from collections.abc import Iterator

from weights.checks import integer
from weights.importers.checkpoints import Checkpoint
from weights.importers.layouts.shapes import divided, read_shapes
from weights.importers.rules import Arguments, Importer, Plan, find_ratio
from weights.modules.ghost_conv import GhostConvConfig
from weights.networks.architectures import Config

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_conv.0.weight"
# Arguments of GhostConv that the class does not have, and what it computes with.
ABSENT: Arguments = {"dilation": (1, 1), "groups": 1, "activation": "relu", "bias": False}
FIXED = ABSENT | {"bn_eps": 1e-5, "bn_momentum": 0.1}


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The GhostConv that the shapes tell."""
    del architecture
    shapes = read_shapes(checkpoint)
    _, inputs, height, width = shapes.kernel(PRIMARY)
    channels = divided(shapes, PRIMARY, CHEAP)
    groups = integer("groups", given.get("groups", 1), minimum=1)
    told = ABSENT | {"c_in": inputs * groups, "kernel_size": (height, width), "split": "round"}
    usual: Arguments = {}
    told["dw_kernel_size"] = shapes.kernel(CHEAP)[2] if channels.multiplier else 3
    # Without a cheap half the output may be cropped, which leaves no trace in the tensors.
    (told if channels.multiplier else usual)["c_out"] = channels.c_int + channels.c_cheap
    if "ratio" not in given:
        known = told | given
        ratio, unique = find_ratio((usual | known)["c_out"], channels, known["split"])
        (told if unique and "c_out" in known else usual)["ratio"] = ratio
    return Plan("ghost_conv", told, usual)


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


SEED = Importer("seed", ("ghost_conv",), plan, foreign_name, differences)
