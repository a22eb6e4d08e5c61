"""Defects of the module of a framework, that of ghost_torch, changed once it is built."""

from __future__ import annotations

from functools import partial
from typing import Any

from conformance.faults.changes import Change
from conformance.mutants.mutant import Mutant

FRAMEWORK = "ghost_torch"


def _norms(**new: Any) -> Change:
    """Set attributes of every batch normalisation, each by a function of its present value."""

    def change(module: Any) -> None:
        for norm in [each for each in module.modules() if hasattr(each, "running_var")]:
            for name, function in new.items():
                setattr(norm, name, function(getattr(norm, name)))

    return change


def _hook(edit: Any) -> Change:
    """Let the module return `edit(input, output)`."""
    return lambda module: module.register_forward_hook(lambda _, given, out: edit(given[0], out))


def _transposed(module: Any) -> None:
    for parameter in module.parameters():
        if parameter.ndim == 4 and parameter.shape[2] == parameter.shape[3]:
            parameter.data = parameter.data.transpose(2, 3).contiguous()


def _extra_gradient(x: Any, output: Any) -> Any:
    term = x.sum() * 1e-3
    return output + term - term.detach()


mutant = partial(Mutant, implementation=FRAMEWORK)
_batch_statistics = _norms(
    track_running_stats=lambda _: False, running_mean=lambda _: None, running_var=lambda _: None
)

TORCH_MUTANTS = (
    mutant("torch-eps", "eps is 100 times too large in PyTorch", "exact",
           _norms(eps=lambda eps: eps * 100)),
    mutant("torch-transposed", "PyTorch's kernels: rows for columns", "exact", _transposed),
    mutant("torch-ghosts-first", "PyTorch's halves swapped", "exact",
           _hook(lambda x, out: out.roll(out.shape[1] // 2, 1))),
    mutant("torch-batch-statistics", "statistics of the batch in PyTorch's inference", "module",
           _batch_statistics),
    mutant("torch-momentum", "PyTorch's momentum is of the old value", "training",
           _norms(momentum=lambda momentum: 1 - momentum)),
    mutant("torch-gradient", "PyTorch's input gradient has a term too many", "training",
           _hook(_extra_gradient)),
)  # fmt: skip
