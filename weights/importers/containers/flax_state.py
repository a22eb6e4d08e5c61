"""Flax: the state of an NNX module as a pure dict of nested names and arrays, and msgpack files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import FormatError
from weights.files import file_types
from weights.files.file import WeightFile
from weights.files.storage import PathLike, read_bytes
from weights.files.writing import check_writable, write_atomically
from weights.frameworks import needed
from weights.importers.checkpoints import ENTRY, Arrays, Checkpoint, Description
from weights.importers.containers.container import Container, Specs, native
from weights.layout import from_channels_last, to_channels_last
from weights.networks.architectures import configure
from weights.tensors import DTYPES
from weights.text import brief

# Between the parts of a path in a flat state.
SEPARATOR = "/"
# The last part of a path in a state of variables rather than arrays.
VALUE = "value"
# Under this name a dropout, or a module, keeps its random numbers.
STREAMS = "rngs"
# Names under which a training script saves the module, and under which its parameters and its other
# variables stand where they were saved apart.
WRAPPERS = ("model", "state")
COLLECTIONS = ("params", "batch_stats", "rest")
BFLOAT16 = DTYPES["BF16"]
DEEPEST = 64
Tree = dict[str, Any]


def places(description: Description, specs: Specs) -> Specs:
    """Give each tensor the path and the shape of its variable in the module itself."""
    paths = module_paths(description.architecture, description.config)
    shapes = [to_channels_last(np.broadcast_to(np.int8(0), x.shape), x).shape for x in specs]
    named = zip(specs, shapes, strict=True)
    return [spec._replace(name=paths[spec.name], shape=shape) for spec, shape in named]


def module_paths(architecture: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Return the path of every tensor's variable in the state of the module, by canonical name."""
    return native("jax", "a file of Flax").module_paths(architecture, config)


def pure_dict(file: WeightFile) -> Tree:
    """Return what `nnx.to_pure_dict` gives of the parameters and statistics, every key a string.

    Integer keys become strings in msgpack and in Orbax, so they are strings from the start.
    """
    paths = module_paths(file.architecture, file.config)
    tree: Tree = {}
    for spec in configure(file.architecture, file.config).tensors():
        *folders, leaf = paths[spec.name].split(SEPARATOR)
        branch = tree
        for name in folders:
            branch = branch.setdefault(name, {})
        branch[leaf] = to_channels_last(file.tensors[spec.name], spec)
    return tree


def from_state(path: PathLike, tree: Any, text: str | None, entry: str = "") -> Checkpoint:
    """Take the weights of a state that Flax wrote: as `nnx.state` gives it, or as a pure dict.

    States of random numbers are dropped, and so is what was saved beside a module: an optimizer,
    the number of a step.
    """
    leaves = flatten(path, tree)
    weights = {name: x for name, x in leaves.items() if STREAMS not in name.split(SEPARATOR)}
    if not weights:
        raise FormatError(f"{path} must hold a state of Flax, nested names to arrays, got no array")
    taken, prefix = _of_module(weights)
    dropped = {
        "states of random numbers": len(leaves) - len(weights),
        "values beside the module": len(weights) - len(taken),
    }
    kept = {what: count for what, count in dropped.items() if count}
    return Checkpoint(path, taken, kept, prefix, entry, Description.parse(path, text))


def flatten(path: PathLike, tree: Any) -> Arrays:
    """Return the leaves of a state by path, every one an array of numbers; raises `FormatError`.

    `value`, which `nnx.Variable` adds to a path, is left out.

    >>> flatten("file", {"stages": {0: {"kernel": {"value": np.zeros(2)}}}}).keys()
    dict_keys(['stages/0/kernel'])
    """
    found: Arrays = {}
    for parts, value in _leaves(tree):
        inner = parts[:-1] if len(parts) > 1 and parts[-1] == VALUE else parts
        name = SEPARATOR.join(inner)
        if name in found:
            raise FormatError(f"{path} has {brief(name)} twice")
        found[name] = _array(path, name, value)
    return found


def _leaves(tree: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every leaf with its path; without recursion, however deep a stranger nests."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    while waiting:
        path, value = waiting.pop()
        if not isinstance(value, Mapping):
            yield path, value
        elif len(path) < DEEPEST:
            inner = [((*path, str(name)), each) for name, each in value.items()]
            waiting.extend(reversed(inner))
        else:
            raise FormatError(f"a state of Flax must be less than {DEEPEST} names deep, got more")


def _array(path: PathLike, name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):  # of lists that are no array, and of keys for random numbers
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" and array.dtype != BFLOAT16:
        got = type(value).__name__
        raise FormatError(f"{path}: {brief(name)} must be an array of numbers, got {got}")
    return array


def _of_module(weights: Arrays) -> tuple[Arrays, str]:
    """Return the part of a training script's dict that is the module's, and its prefix.

    >>> _of_module({"model/kernel": np.zeros(1), "step": np.ones(())})
    ({'kernel': array([0.])}, 'model/')
    """
    roots = {name.partition(SEPARATOR)[0] for name in weights}
    parts = COLLECTIONS if COLLECTIONS[0] in roots else [root for root in WRAPPERS if root in roots]
    inner = [(name.partition(SEPARATOR), array) for name, array in weights.items()]
    kept = [(rest, array) for (root, _, rest), array in inner if root in parts and rest]
    found = dict(kept)
    if not found or len(found) < len(kept):
        return weights, ""
    prefix = next(root for root in parts if root in roots) + SEPARATOR
    found, more = _of_module(found)
    return found, prefix + more


def read(path: PathLike) -> Checkpoint:
    """Read the leaves of a file that `flax.serialization` wrote."""
    with needed(f"reading {path}", "jax"):
        from flax.serialization import msgpack_restore
    data = read_bytes(path)
    try:
        tree = msgpack_restore(data)
    except Exception as error:  # msgpack has an exception of its own for every kind of damage
        raise FormatError(
            f"{path} is not a whole msgpack file of Flax: {brief(str(error))}"
        ) from None
    if not isinstance(tree, dict):
        raise FormatError(f"{path} must hold a dict of arrays, got {type(tree).__name__}")
    text = tree.pop(ENTRY, None)
    if text is not None and not isinstance(text, str):
        raise FormatError(f"{path}: the {ENTRY} entry must be a text, got {type(text).__name__}")
    return from_state(path, tree, text)


def write(file: WeightFile, path: PathLike, overwrite: bool) -> None:
    """Write the file; `flax.serialization.msgpack_restore` reads it."""
    with needed("this export", "jax"):
        from flax.serialization import msgpack_serialize
    check_writable(path, overwrite=overwrite)
    tree = pure_dict(file) | {ENTRY: Description.of(file).to_json()}
    write_atomically(Path(path), msgpack_serialize(tree), overwrite=overwrite)


FLAX_MSGPACK = Container(
    "flax-msgpack", "flax-msgpack", read, places, from_channels_last, write, (file_types.MSGPACK,)
)
