"""Foreign checkpoints: their tensors as NumPy arrays, wrappers and counters taken off."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import ImportRefused
from weights.files.storage import PathLike
from weights.importers.description import ENTRY, Description
from weights.importers.files import EXPORTED, read_state_dicts

# Torch's counter, and what the profiler thop leaves behind: no weights.
COUNTERS = ("num_batches_tracked", "total_ops", "total_params")
# What torch.nn.DataParallel, torch.compile and training scripts put before every name.
WRAPPERS = ("module.", "_orig_mod.", "model.", "backbone.")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Checkpoint:
    """Tensors under their foreign names and in their foreign layout, and their surroundings.

    `dropped` counts the tensors left out, by what they are; `prefix` stood before every name;
    `entry` held the tensors inside the file, where they were not the file itself; `description` is
    what an exporter of this project wrote beside them; `problems` concern the file as a whole.
    """

    path: PathLike
    tensors: Arrays = field(repr=False)
    dropped: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""
    entry: str = ""
    description: Description | None = None
    problems: tuple[str, ...] = ()


def read_checkpoint(path: PathLike, entry: str | None = None) -> Checkpoint:
    """Read a file of PyTorch, NumPy or safetensors; `entry` of it, if given.

    Raises `FormatError` where it cannot be read, `ImportRefused` where it is no state dict, or
    holds several and none is chosen.
    """
    entries = read_state_dicts(path)
    chosen = choose_entry(path, entries, entry)
    tensors = entries[chosen]
    texts = [str(tensors.pop(name)) for name in (EXPORTED, ENTRY) if name in tensors]
    description = Description.parse(path, texts[0] if texts else None)
    return replace(unwrap(path, tensors, chosen), description=description)


def choose_entry(path: PathLike, entries: Mapping[str, Any], entry: str | None) -> str:
    """Return the name of the state dict to take; a file that is one itself has it under ''."""
    if entry is not None and entry not in entries:
        known = ", ".join(repr(name) for name in entries if name) or "none"
        raise ImportRefused(f"{path} must have the entry {entry!r} asked for, its entries: {known}")
    if entry is not None:
        return entry
    if len(entries) == 1:
        return next(iter(entries))
    if not entries:
        raise ImportRefused(
            f"{path} must hold one state dict (names to tensors), itself or in one entry, got "
            "none: save module.state_dict()"
        )
    names = ", ".join(f"{name} (averaged)" if "ema" in name else name for name in entries)
    raise ImportRefused(
        f"{path} holds several state dicts: {names}; choose one with --entry NAME: averaged "
        "weights are usually the better ones"
    )


def strip_wrappers(names: list[str]) -> str:
    """Return the prefix of wrappers that all names share.

    >>> strip_wrappers(["module._orig_mod.bn1.weight", "module._orig_mod.bn1.bias"])
    'module._orig_mod.'
    """
    for wrapper in WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return wrapper + strip_wrappers([name.removeprefix(wrapper) for name in names])
    return ""


def unwrap(path: PathLike, tensors: Mapping[str, np.ndarray], entry: str = "") -> Checkpoint:
    """Take counters and the prefixes of wrappers off the names of a state dict."""
    leaves = {name: name.rpartition(".")[2] for name in tensors}
    dropped = Counter(leaf for leaf in leaves.values() if leaf in COUNTERS)
    kept = {name: array for name, array in tensors.items() if leaves[name] not in dropped}
    prefix = strip_wrappers(list(kept))
    bare = {name.removeprefix(prefix): array for name, array in kept.items()}
    return Checkpoint(Path(path), bare, dropped, prefix, entry)
