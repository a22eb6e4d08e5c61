"""Defects of a real framework's module: ghost_torch's, changed once it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.implementations.registry import load
from conformance.mutants.mutant import Mutant

FRAMEWORK = "ghost_torch"


@dataclass(frozen=True)
class ModuleMutant(Mutant):
    """A defect of ghost_torch's module, which `change` edits."""

    def build(self, architecture: str, config: Mapping[str, Any], weights: Any) -> Any:
        """The build function of an implementation."""
        build, _ = load(FRAMEWORK)
        built = build(architecture, config, weights)
        self.change(built.module)
        return built


def _norms(module: Any) -> list[Any]:
    return [each for each in module.modules() if hasattr(each, "running_var")]


def _eps(module: Any) -> None:
    for norm in _norms(module):
        norm.eps *= 100


def _momentum(module: Any) -> None:
    for norm in _norms(module):
        norm.momentum = 1 - norm.momentum


def _batch_statistics(module: Any) -> None:
    for norm in _norms(module):
        norm.track_running_stats = False
        norm.running_mean = norm.running_var = None


def _transposed(module: Any) -> None:
    for parameter in module.parameters():
        if parameter.ndim == 4 and parameter.shape[2] == parameter.shape[3]:
            parameter.data = parameter.data.transpose(2, 3).contiguous()


def _ghosts_first(module: Any) -> None:
    def rolled(_: Any, given: Any, output: Any) -> Any:
        return output.roll(output.shape[1] // 2, 1)

    module.register_forward_hook(rolled)


def _detached(module: Any) -> None:
    def hook(_: Any, given: Any, output: Any) -> Any:
        return output + given[0].sum() * 1e-3 - (given[0].sum() * 1e-3).detach()

    module.register_forward_hook(hook)


MODULE_MUTANTS = (
    ModuleMutant("torch-eps", "eps is 100 times too large in PyTorch", "exact", _eps),
    ModuleMutant("torch-transposed", "PyTorch's kernels: rows for columns", "exact", _transposed),
    ModuleMutant("torch-ghosts-first", "PyTorch's halves swapped", "exact", _ghosts_first),
    ModuleMutant(
        "torch-batch-statistics", "statistics of the batch in PyTorch's inference", "module",
        _batch_statistics,
    ),
    ModuleMutant("torch-momentum", "PyTorch's momentum is of the old value", "training", _momentum),
    ModuleMutant(
        "torch-gradient", "PyTorch's input gradient has a term too many", "training", _detached
    ),
)  # fmt: skip
