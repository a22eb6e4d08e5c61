"""Checkpoints of d-li14's PyTorch GhostNet: other names, another gate, shortcut and head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from weights.errors import ImportRefused
from weights.importers.checkpoints import Checkpoint
from weights.importers.layouts.ghostnets import PLAIN
from weights.importers.layouts.shapes import Shapes
from weights.importers.layouts.timm import plan_ghostnet
from weights.importers.rules import Arguments, Importer, Plan
from weights.networks.architectures import Config
from weights.networks.ghostnet import ROWS, GhostNetConfig
from weights.tensors import CONVOLUTION, TensorSpec

GATE = "clip01"
# What its class computes with; no tensor tells all of it.
ARGUMENTS = {
    "head": "norm",
    "se_rounding": "floor",
    "shortcut_kernel_size": 3,
    "shortcut_activation": "relu",
}
UNTOLD = ("shortcut_activation",)
# Before a tensor's own name: ours and theirs, outside of the blocks.
PLACES = {
    "conv_stem": "features.0.0",
    "bn1": "features.0.1",
    f"blocks.{len(ROWS)}.0.conv": "squeeze.0",
    f"blocks.{len(ROWS)}.0.bn1": "squeeze.1",
    "conv_head": "classifier.0",
    "bn_head": "classifier.1",
    "classifier": "classifier.4",
}
IN_BLOCK = {
    "ghost1": "conv.0",
    "conv_dw": "conv.1.0",
    "bn_dw": "conv.1.1",
    "se.conv_reduce": "conv.2.fc.0",
    "se.conv_expand": "conv.2.fc.2",
    "ghost2": "conv.3",
    "shortcut.0": "shortcut.0.0",
    "shortcut.1": "shortcut.0.1",
    "shortcut.2": "shortcut.1",
    "shortcut.3": "shortcut.2",
}
BLOCK = re.compile(r"(blocks\.\d+\.\d+)\.(.+)")
BLOCKS = [
    f"blocks.{stage}.{index}" for stage, rows in enumerate(ROWS) for index in range(len(rows))
]


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The network that names and shapes tell."""
    first = foreign_name(PLAIN)
    if first not in checkpoint.tensors:
        raise ImportRefused(
            f"{checkpoint.path} must hold d-li14's GhostNet, with a tensor {first!r}, got none"
        )
    fixed = {name: value for name, value in ARGUMENTS.items() if name not in given}
    plan = plan_ghostnet(_canonical_shapes(checkpoint), "ghostnet", given, fixed)
    # Its class has it, but a tensor does not tell.
    usual = {name: plan.told.pop(name) for name in UNTOLD if name in plan.told}
    return replace(plan, usual=usual)


def foreign_name(name: str) -> str:
    """d-li14's name of a tensor.

    >>> foreign_name("blocks.3.0.se.conv_reduce.weight"), foreign_name("classifier.bias")
    ('features.4.conv.2.fc.0.weight', 'classifier.4.bias')
    """
    place, _, leaf = name.rpartition(".")
    if place in PLACES:
        return f"{PLACES[place]}.{leaf}"
    block, rest = BLOCK.fullmatch(name).groups()  # type: ignore[union-attr]
    ours = next(part for part in IN_BLOCK if rest.startswith(f"{part}."))
    theirs = rest.replace(ours, IN_BLOCK[ours], 1).replace("cheap_conv.", "cheap_operation.")
    return f"features.{BLOCKS.index(block) + 1}.{theirs}"


def to_canonical(spec: TensorSpec, array: np.ndarray) -> np.ndarray:
    """A tensor of d-li14's as this project has it: its linear layers are 1x1 convolutions."""
    if spec.kind == CONVOLUTION and array.ndim == 2:
        return array.reshape(*array.shape, 1, 1)
    return array


def differences(config: Config) -> Iterator[str]:
    """There is no way back: its gate divides by 6, which does not give every number again."""
    del config
    yield "weights of its gate cannot be written back bit for bit"


def _canonical_shapes(checkpoint: Checkpoint) -> Shapes:
    """Shapes by canonical name; the names are the same at every width."""
    specs = list(GhostNetConfig(1, head="norm").tensors())
    names = {spec.name: foreign_name(spec.name) for spec in specs}
    found = {
        spec.name: to_canonical(spec, checkpoint.tensors[names[spec.name]]).shape
        for spec in specs
        if names[spec.name] in checkpoint.tensors
    }
    return Shapes(checkpoint.path, found, foreign_name)


D_LI14 = Importer("d-li14", ("ghostnet",), plan, foreign_name, differences, to_canonical, GATE)
