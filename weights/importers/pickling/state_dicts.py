"""State dicts in files of torch.save and in plain pickles."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from weights.files.storage import PathLike
from weights.importers.expansion import check_expansion
from weights.importers.pickling.torch_files import Content, load
from weights.importers.pickling.values import Left, Name, Tensor
from weights.text import MOST_CHARACTERS

# The name of an exporter's description of a state dict; not that of an interchange file's entry, as
# names and layout of the tensors are another tool's.
EXPORTED = "ghost_export"
# So deep inside a file a state dict is looked for, but not in the state of an optimiser.
DEEPEST, OPTIMISER = 2, "optim"


@dataclass(frozen=True)
class StateDict:
    """Tensors by name; `left` counts the values that are none, by type."""

    tensors: dict[str, np.ndarray] = field(repr=False)
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StateDicts:
    """The state dicts in a file, one that is the file itself under ''; `beside` names the rest."""

    entries: dict[str, StateDict]
    beside: tuple[str, ...] = ()


def described(metadata: Any) -> dict[str, np.ndarray]:
    """Return the description that an exporter wrote beside a state dict, as an array of text."""
    text = metadata.get(EXPORTED) if isinstance(metadata, Mapping) else None
    return {EXPORTED: np.array(text)} if isinstance(text, str) else {}


def read_torch(path: PathLike) -> StateDicts:
    """Read the state dicts in a file of torch.save, or in a plain pickle."""
    content = load(path)
    top = content.value if isinstance(content.value, Mapping) else {}
    found = dict(_entries(top))
    # Beside others a file is one itself where it has as many kernels as any of them.
    if _kernels(top) >= max(map(_kernels, found.values()), default=0):
        found = {"": top} | found
    entries = {name: _state_dict(path, content, each) for name, each in found.items()}
    if not found.keys() - {""}:
        return StateDicts(entries if entries[""].tensors else {})
    outer = {name.partition("/")[0] for name in entries}
    beside = [] if "" in entries else [str(name) for name in top if name not in outer]
    return StateDicts(entries, tuple(name[:MOST_CHARACTERS] for name in beside))


def _entries(found: Mapping[Any, Any], depth: int = 0) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield the state dicts inside a dict: those with a kernel, by the names that lead to them."""
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Mapping):
            continue
        if name.lower().startswith(OPTIMISER):
            continue
        if _kernels(value):
            yield name, value
        elif depth < DEEPEST:
            yield from ((f"{name}/{inner}", x) for inner, x in _entries(value, depth + 1))


def _kernels(found: Mapping[Any, Any]) -> int:
    return sum(_is_kernel(x) for name, x in found.items() if isinstance(name, str))


def _is_kernel(value: Any) -> bool:
    if isinstance(value, Left):
        return isinstance(value.value, np.ndarray) and value.value.ndim > 1
    return isinstance(value, Tensor) and len(value.shape) > 1


def _state_dict(path: PathLike, content: Content, found: Mapping[Any, Any]) -> StateDict:
    # A tensor with strides of 0 takes more as an array than in the file.
    tensors = {name: content.array(x) for name, x in found.items() if isinstance(name, str)}
    arrays = {name: array for name, array in tensors.items() if array is not None}
    check_expansion(path, sum(x.nbytes for x in arrays.values()), Path(path).stat().st_size)
    left = Counter(_type_of(x) for name, x in found.items() if name not in arrays)
    attributes = getattr(found, "attributes", None)
    metadata = attributes.get("_metadata") if isinstance(attributes, Mapping) else None
    about = metadata.get("") if isinstance(metadata, Mapping) else None
    return StateDict(arrays | described(about), left)


def _type_of(value: Any) -> str:
    return value.name if isinstance(value, Left | Name) else type(value).__name__
