"""Files of Keras read by the names of layers: `layer.kernel`, `layer.gamma`, and so on."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from weights.errors import FormatError, ImportRefused
from weights.files.storage import PathLike
from weights.importers.checkpoints import Arrays, Checkpoint
from weights.importers.containers.hdf5 import read_apart
from weights.importers.containers.keras_h5 import KINDS, OTHERS, read_weights, without_others
from weights.importers.files import file_type_of

# The variables of a layer by their number, and how many there are.
VARIABLES: Mapping[int, tuple[str, ...]] = {
    1: ("kernel",),
    2: ("kernel", "bias"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}
NUMBERED = re.compile(r"(?P<layer>.+)/vars/(?P<number>\d+)")
# Keras 2 names a variable after its layer, and puts a whole model's weights into one group.
OLD = re.compile(r"(model_weights/)?(?P<layer>[^/]+)/(?:.+/)?(?P<variable>\w+):0")
OLD_OTHERS = re.compile(rf"{OTHERS.pattern}|optimizer_weights/")


def read_layers(path: PathLike, entry: str | None = None) -> Checkpoint:
    """Read a `.h5`, `.weights.h5` or `.keras` file; every tensor is called `layer.variable`."""
    found = file_type_of(path)
    if found not in KINDS:
        raise FormatError(f"{path} is no file of Keras: it is {found}")
    if entry is not None:
        raise ImportRefused(f"{path} has no entries: leave `entry` out")
    data, order, size = read_weights(path, _places)
    arrays, labels, _ = read_apart(path, data, size)
    weights, dropped = without_others(arrays, OLD_OTHERS)
    return Checkpoint(path, _named(weights, (order or {}) | labels), dropped)


def _places(config: Any) -> dict[str, str]:
    """Return the names of a model's layers by where Keras puts them: their class, and a number.

    >>> layers = [{"class_name": "Conv2D", "config": {"name": n}} for n in ("stem", "head")]
    >>> _places({"config": {"layers": layers}})
    {'layers/conv2d': 'stem', 'layers/conv2d_1': 'head'}
    """
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else None
    seen: Counter[str] = Counter()
    places = {}
    for layer in layers if isinstance(layers, list) else ():
        kind, about = layer.get("class_name"), layer.get("config")
        if isinstance(kind, str) and isinstance(about, dict) and isinstance(about.get("name"), str):
            place = _snake(kind)
            number = f"_{seen[place]}" if seen[place] else ""
            seen[place] += 1
            places[f"layers/{place}{number}"] = about["name"]
    return places


def _snake(name: str) -> str:
    """Return a class's name as Keras writes it in a file.

    >>> _snake("DepthwiseConv2D"), _snake("BatchNormalization")
    ('depthwise_conv2d', 'batch_normalization')
    """
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def _named(arrays: Arrays, names: Mapping[str, str]) -> Arrays:
    counts = Counter(place["layer"] for name in arrays if (place := NUMBERED.fullmatch(name)))
    return {_name(name, names, counts): array for name, array in arrays.items()}


def _name(path: str, names: Mapping[str, str], counts: Mapping[str, int]) -> str:
    """Return `layer.variable` for the path of a variable, or the path where it is another."""
    old = OLD.fullmatch(path)
    if old is not None:
        return f"{old['layer']}.{old['variable'].removeprefix('depthwise_')}"
    place = NUMBERED.fullmatch(path)
    variables = VARIABLES.get(counts[place["layer"]], ()) if place else ()
    if place is None or int(place["number"]) >= len(variables):
        return path
    layer = names.get(place["layer"], place["layer"])
    return f"{layer}.{variables[int(place['number'])]}"
