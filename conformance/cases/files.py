"""The files of sequences: what a reader must take, and damaged ones that it must refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.model import Model, plain_weights
from weights import write_file
from weights.files.digests import canonical_json, content_digest, tensor_digest
from weights.files.header import LENGTH_BYTES, METADATA
from weights.files.metadata import ENTRY

# The tensor that stands last in a file of a GhostConv, and one of the same size before it.
LAST, OTHER = "primary_conv.1.weight", "primary_conv.1.bias"
ANNOTATIONS: dict[str, Any] = {"classes": ["cat", "dog"], "source": {"importer": "seed"}}


@dataclass
class Parts:
    """A file taken apart: its header, its entry, the bytes of its tensors.

    `spelling` is the text of further fields, before the others of the entry.
    """

    header: dict[str, Any]
    entry: dict[str, Any]
    data: bytes
    spelling: str = ""

    @classmethod
    def of(cls, content: bytes) -> Parts:
        """The parts of a file's bytes."""
        begin = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "little")
        header = json.loads(content[LENGTH_BYTES:begin])
        return cls(header, json.loads(header[METADATA][ENTRY]), content[begin:])

    def joined(self) -> bytes:
        """The bytes of the file."""
        if ENTRY in self.header[METADATA]:
            entry = canonical_json(self.entry).decode()
            self.header[METADATA][ENTRY] = f"{{{self.spelling}{entry[1:]}"
        text = json.dumps(self.header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % LENGTH_BYTES)
        return len(text).to_bytes(LENGTH_BYTES, "little") + text + self.data

    def seal(self) -> None:
        """Give the entry the digest of what it says, so that nothing else tells of a change."""
        digests = {name: each["sha256"] for name, each in self.entry["tensors"].items()}
        found = content_digest(self.entry["architecture"], self.entry["config"], digests)
        self.entry["content_sha256"] = found


Change = Callable[[Parts], None]


def write(path: Path, name: str, model: Model) -> None:
    """Write the file of that name, of a model or of another one like it."""
    if name in MODELS:
        model = MODELS[name](model)
    write_file(path, *model, overwrite=True, **(ANNOTATIONS if name in ANNOTATED else {}))
    if name in CHANGES:
        parts = Parts.of(path.read_bytes())
        CHANGES[name](parts)
        path.write_bytes(parts.joined())
    if name in CUTS:
        path.write_bytes(CUTS[name](path.read_bytes()))


def _newer(parts: Parts) -> None:
    """Be of a later version, with a field of its own, and leave an argument out."""
    parts.entry |= {"format_version": "1.9", "invented": {"later": [1, 2]}}
    del parts.entry["config"]["bn_momentum"]
    parts.seal()


def entry(*, sealed: bool = False, **fields: Any) -> Change:
    """Give the entry other fields."""

    def change(parts: Parts) -> None:
        parts.entry |= fields
        if sealed:
            parts.seal()

    return change


def config(**arguments: Any) -> Change:
    """Give the configuration other arguments; one of None is left out."""

    def change(parts: Parts) -> None:
        whole = parts.entry["config"] | arguments
        parts.entry["config"] = {name: each for name, each in whole.items() if each is not None}
        parts.seal()

    return change


def spelled(text: str) -> Change:
    """Begin the entry with a field that is spelled so."""
    return lambda parts: setattr(parts, "spelling", f'"invented":{text},')


def described(**fields: Any) -> Change:
    """Say something else of the last tensor in the entry."""
    return lambda parts: parts.entry["tensors"][LAST].update(fields)


def _flipped(parts: Parts) -> None:
    parts.data = parts.data[:-1] + bytes([parts.data[-1] ^ 1])


def _hole(parts: Parts) -> None:
    begin, end = parts.header[LAST]["data_offsets"]
    parts.header[LAST]["data_offsets"] = [begin + 4, end + 4]
    parts.data = parts.data[:begin] + bytes(4) + parts.data[begin:]


def _overlap(parts: Parts) -> None:
    parts.header[LAST]["data_offsets"] = parts.header[OTHER]["data_offsets"]


def _reshaped(parts: Parts) -> None:
    parts.header[LAST]["shape"].append(1)


def _without_last(parts: Parts) -> None:
    begin, _ = parts.header.pop(LAST)["data_offsets"]
    parts.data = parts.data[:begin]
    del parts.entry["tensors"][LAST]
    parts.seal()


def _with_another(parts: Parts) -> None:
    name, array = "primary_conv.2.weight", np.ones(1, np.float32)
    _, begin = parts.header[LAST]["data_offsets"]
    place = {"dtype": "F32", "shape": [1], "data_offsets": [begin, begin + 4]}
    parts.header[name] = place
    parts.data += array.tobytes()
    parts.entry["tensors"][name] = {"kind": "norm_weight", "sha256": tensor_digest(array)}
    parts.seal()


def _unmarked(parts: Parts) -> None:
    parts.header[METADATA] = {"format": "pt"}


def _wider(model: Model) -> Model:
    """A model of another width, whose tensors are zeros and variances of 1."""
    wide = {**model.config, "c_out": 2 * model.config["c_out"]}
    return Model(model.architecture, wide, plain_weights(model.architecture, wide))


PLAIN, NOTED, NEWER = "plain", "annotated", "newer"
ANNOTATED = (NOTED, "annotation changed")
MODELS: dict[str, Callable[[Model], Model]] = {
    "of another width": _wider,
    "in float16": lambda model: model.astype(np.float16),
    "in float64": lambda model: model.astype(np.float64),
}
CUTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in its header": lambda content: content[:100],
    "a byte short": lambda content: content[:-1],
    "a byte long": lambda content: content + b"\0",
}
CHANGES: dict[str, Change] = {
    NEWER: _newer,
    "annotation changed": entry(classes=["dog", "cat"]),
    "bit flipped": _flipped,
    "with a hole": _hole,
    "with tensors that overlap": _overlap,
    "of another shape": _reshaped,
    "without a tensor": _without_last,
    "with a tensor more": _with_another,
    "with a name twice": spelled('1,"invented":1'),
    "with NaN": spelled("NaN"),
    "with infinity": spelled("-Infinity"),
    "with a number beyond float64": spelled("1e999"),
    "with half a surrogate pair": spelled(r'"\ud800"'),
    "too deep": spelled(f"{'[' * 33}{']' * 33}"),
    "without its entry": _unmarked,
    "of version 2.0": entry(format_version="2.0"),
    "of an unknown architecture": entry(architecture="ghost_conv_v9", sealed=True),
    "of an argument that breaks a rule": config(dw_kernel_size=4),
    "without a required argument": config(c_in=None),
    "of another kind": described(kind="norm_bias"),
    "of another digest": described(sha256="0" * 64),
    "of another content": entry(content_sha256="0" * 64),
}
TAKEN = (PLAIN, NOTED, NEWER)
DAMAGED = tuple(name for name in (*MODELS, *CUTS, *CHANGES) if name != NEWER)
