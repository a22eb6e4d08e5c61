"""Programs of torch.export in int8 as PyTorch's compiler takes them on x86, weights per channel."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from weights import strict_json
from weights.deployment.archives import read_member
from weights.deployment.inventory import Inventory, Stored
from weights.deployment.notes import Notes
from weights.deployment.quantising import programs
from weights.deployment.quantising.quantiser import WRAPPER
from weights.errors import FormatError
from weights.frameworks import FRAMEWORKS, needed

SOURCE, TRIED = programs.SOURCE, programs.SOURCE
# How PyTorch numbers types, and the bytes of one.
TYPES: Mapping[int, tuple[str, int]] = {
    1: ("uint8", 1), 2: ("int8", 1), 4: ("int32", 4), 5: ("int64", 8), 6: ("float16", 2),
    7: ("float32", 4), 8: ("float64", 8), 13: ("bfloat16", 2),
}  # fmt: skip
CONSTANTS = ("weights/model_weights_config.json", "constants/model_constants_config.json")
stages = programs.stages


def quantise(source: Path, path: Path, notes: Notes, x: np.ndarray, kept: Collection[str]) -> None:
    """Write the program with the roundings of int8, and weights that are stored so."""
    with programs.quiet(), needed("PyTorch in int8", "int8"):
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86
    quantiser = x86.X86InductorQuantizer()
    quantiser.set_global(x86.get_default_x86_inductor_quantization_config())
    for stage in kept:
        quantiser.set_module_name_qconfig(f"{WRAPPER}{stage}", None)
    made = programs.converted(programs.opened(source), quantiser, x)
    interface, writers = (FRAMEWORKS["torch"].load(f"exporting.{x}") for x in ("interface", "pt2"))
    writers.save(interface.captured(made, notes), path, notes)


def inventory(path: Path) -> Inventory:
    """Count the constants of a program by their types; nothing of it is run."""
    try:
        return Inventory.of(_stored(path))
    except (LookupError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is no whole program of torch.export: {error}") from None


def _stored(path: Path) -> Iterator[Stored]:
    stored = {name: meta for member in CONSTANTS for name, meta in _constants(path, member)}
    module = _document(path, "/models/model.json")["graph_module"]
    names = dict(_names(module["signature"]["input_specs"]))
    scales, restored, depthwise = {}, {}, set()
    for node in module["graph"]["nodes"]:
        arguments = {each["name"]: each["arg"] for each in node["inputs"]}
        given = [each.get("as_tensor", {}).get("name", "") for each in arguments.values()]
        name = names.get(given[0], "") if given else ""
        if name and ".dequantize_per_" in node["target"]:
            restored[node["outputs"][0]["as_tensor"]["name"]] = name
            is_channel = "per_channel" in node["target"]
            scales[name] = prod(_sizes(stored[names[given[1]]])) if is_channel else 1
        elif ".conv2d." in node["target"] and arguments.get("groups", {}).get("as_int", 1) > 1:
            depthwise.add(restored.get(given[1], names.get(given[1], "")))
    for name, meta in stored.items():
        kind, size = TYPES[meta["dtype"]]
        yield Stored(name, kind, prod(_sizes(meta)) * size, scales.get(name), name in depthwise)


def _constants(path: Path, member: str) -> Iterator[tuple[str, Any]]:
    for name, entry in _document(path, f"/data/{member}")["config"].items():
        yield name, entry["tensor_meta"]


def _names(specs: Any) -> Iterator[tuple[str, str]]:
    """The names of constants by those of the arguments that they are."""
    for spec in specs:
        for kind, name in (("parameter", "parameter_name"), ("buffer", "buffer_name"),
                           ("tensor_constant", "tensor_constant_name")):  # fmt: skip
            if kind in spec:
                yield spec[kind]["arg"]["name"], spec[kind][name]


def _sizes(meta: Any) -> list[int]:
    return [each["as_int"] for each in meta["sizes"]]


def _document(path: Path, member: str) -> Any:
    found = read_member(path, member, most=path.stat().st_size)
    if found is None:
        raise FormatError(f"{path} has no {member}: it was made by another version of PyTorch")
    return strict_json.loads(found, f"{path}: {member}")
