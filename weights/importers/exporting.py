"""What stands between an interchange file and a foreign state dict."""

from __future__ import annotations

from collections.abc import Iterator

from weights.architectures import configure
from weights.errors import GhostError
from weights.file import WeightFile
from weights.ghost_conv import GhostConvConfig
from weights.importers.rules import Importer
from weights.resnet import STAGES, GhostResNetConfig


def refuse_differences(file: WeightFile, rules: Importer) -> None:
    """Raise `GhostError` where the foreign class computes something else with these tensors."""
    if file.architecture not in rules.architectures:
        known = ", ".join(rules.architectures)
        raise GhostError(f"{rules.name} has {known} only, the file holds a {file.architecture}")
    problems = dict.fromkeys(
        problem for config in _convolutions(file) for problem in rules.differences(config)
    )
    if problems:
        raise GhostError(
            f"a state dict of {rules.name} cannot say what the file says: {'; '.join(problems)}"
        )


def _convolutions(file: WeightFile) -> Iterator[GhostConvConfig]:
    config = configure(file.architecture, file.config)
    if isinstance(config, GhostConvConfig):
        yield config
    if isinstance(config, GhostResNetConfig):
        for width in STAGES.values():
            yield GhostConvConfig(**config.convolution(width, width))
