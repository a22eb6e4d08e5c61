"""Which of several state dicts in a file is taken."""

import re
from collections.abc import Mapping
from typing import Any

from weights.errors import ImportRefused
from weights.files.storage import PathLike
from weights.text import listed

# The last parts of names under which training scripts save the weights themselves.
USUAL = ("model", "model_state_dict", "net", "network", "params", "state_dict", "weights")
# Words in the names of averages over training.
AVERAGES = frozenset(("averaged", "ema", "swa"))


def choose_entry(path: PathLike, entries: Mapping[str, Any], entry: str | None) -> str:
    """Return the name of the state dict to take; a file that is one itself has it under ''.

    Of several, the one of averaged weights is taken, or else the one with a usual name: raises
    `ImportRefused` where that is none or more.
    """
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
    averaged = [name for name in entries if is_averaged(name)]
    usual = [name for name in entries if not name or name.rpartition("/")[2] in USUAL]
    for likely in (averaged, usual):
        if len(likely) == 1:
            return likely[0]
    names = listed(f"{name} (averaged)" if is_averaged(name) else name or "''" for name in entries)
    raise ImportRefused(f"{path} holds several state dicts: {names}; choose one with --entry NAME")


def is_averaged(entry: str) -> bool:
    """Return whether weights are averages over training, by the name of their entry.

    >>> is_averaged("state_dict_ema"), is_averaged("schema")
    (True, False)
    """
    return not AVERAGES.isdisjoint(re.split(r"[^a-z]+", entry.lower()))
