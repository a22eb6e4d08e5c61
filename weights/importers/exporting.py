"""What stands between an interchange file and a foreign state dict."""

from __future__ import annotations

from collections.abc import Iterator

from weights.architectures import Config, configure
from weights.errors import GhostError
from weights.file import WeightFile
from weights.importers.rules import Importer
from weights.resnet import GhostResNetConfig
from weights.vgg import GhostVGGConfig


def refuse_differences(file: WeightFile, rules: Importer) -> None:
    """Raise `GhostError` where the foreign class computes something else with these tensors."""
    if file.architecture not in rules.architectures:
        known = ", ".join(rules.architectures)
        raise GhostError(f"{rules.name} has {known} only, the file holds a {file.architecture}")
    problems = dict.fromkeys(
        problem for config in _parts(file) for problem in rules.differences(config)
    )
    if problems:
        raise GhostError(
            f"a state dict of {rules.name} cannot say what the file says: {'; '.join(problems)}"
        )


def _parts(file: WeightFile) -> Iterator[Config]:
    """The configurations that the foreign classes know."""
    config = configure(file.architecture, file.config)
    match config:
        case GhostResNetConfig():
            yield from (config.stem, *config.convolutions())
        case GhostVGGConfig():
            yield from (convolution for stage in config.stages for convolution in stage)
        case _:
            yield config
