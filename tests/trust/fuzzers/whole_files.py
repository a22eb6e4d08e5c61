"""Files that are whole in form, digests and all, and say anything: what a fuzzer reads."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

from tests.trust.fuzzers.mutations import WORDS
from weights import ARCHITECTURES, configure, content_digest, tensor_digest
from weights.files.digests import NAMES, little_endian
from weights.files.metadata import DIGEST, annotations_of
from weights.files.settings import imagenet

# The smallest of each architecture; a network has hundreds of tensors at any width.
CONFIGS: Mapping[str, dict[str, Any]] = {
    "ghost_conv": {"c_in": 3, "c_out": 5},
    "ghost_conv_v2": {"c_in": 2, "c_out": 4},
    "ghost_conv_v3": {"c_in": 2, "c_out": 4},
    "squeeze_excite": {"channels": 8},
    "ghost_bottleneck": {"c_in": 2, "c_mid": 4, "c_out": 3, "stride": 2},
    "rep_ghost_conv": {"c_in": 2, "c_out": 4},
    "rep_ghost_bottleneck": {"c_in": 2, "c_mid": 4, "c_out": 3, "stride": 2},
    "c3_ghost": {"c1": 4, "c2": 8},
    **{
        name: {"width": 0.1, "num_classes": 2}
        for name in ("ghostnet", "ghostnetv2", "ghostnetv3", "repghostnet")
    },
    **{f"ghost_{name}": {"num_classes": 2} for name in ("resnet20", "resnet56", "vgg16")},
}
NUMBERS = (
    -1, 0, 1, 2, 3, 5, 2**20, 2**31, 2**63 - 1, 2**63, 10**9, 10**400, 0.5, -0.0, 1e308, 5e-324,
    float("nan"), float("inf"), True, False, None,
)  # fmt: skip
DTYPES = (np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.int64, np.uint8, np.bool_)
OTHERS = {"int64": "I64", "uint8": "U8", "bool": "BOOL"}
# Networks are twenty times the work.
LAYERS = [name for name in CONFIGS if len(list(configure(name, CONFIGS[name]).tensors())) < 60]


@dataclass
class Whole:
    """A module as a file has it: whatever is in it, the digests are right."""

    architecture: Any
    config: Any
    tensors: dict[str, np.ndarray] = field(repr=False)
    about: dict[str, Any]
    kinds: dict[str, str] = field(repr=False)


def sound(architecture: str, config: Mapping[str, Any]) -> Whole:
    """A file in which nothing is wrong."""
    checked = configure(architecture, config)
    specs = list(checked.tensors())
    tensors = {
        spec.name: np.full(spec.shape, 1 + index % 7, np.float32)
        for index, spec in enumerate(specs)
    }
    return Whole(architecture, checked.to_dict(), tensors, {}, {s.name: s.kind for s in specs})


def drawn(generator: random.Random) -> Whole:
    """A file of which a few places may be anything."""
    missing = set(ARCHITECTURES) - set(CONFIGS)
    if missing:
        raise AssertionError(f"no configuration of {missing}")
    pool = LAYERS if generator.random() < 0.9 else list(CONFIGS)
    architecture = generator.choice(pool)
    found = sound(architecture, CONFIGS[architecture])
    for _ in range(generator.choice((0, 1, 1, 1, 2, 3))):
        generator.choice((_edit_config, _edit_config, _edit_tensors, _edit_about, _edit_kind))(
            found, generator
        )
    return found


def strange(generator: random.Random, depth: int = 0) -> Any:
    """Any value of JSON, and some that JSON has not."""
    kind = generator.random()
    if kind < 0.6 or depth > 2:
        return generator.choice((*NUMBERS, *WORDS, "relu", "folded", "x" * 3_000, "\x1b[31m"))
    if kind < 0.9:
        return [strange(generator, depth + 1) for _ in range(generator.choice((0, 1, 2, 2, 3)))]
    return {generator.choice(WORDS): strange(generator, depth + 1)}


def _edit_config(found: Whole, generator: random.Random) -> None:
    chance = generator.random()
    if chance < 0.03:
        found.config = strange(generator)
    elif chance < 0.06:
        found.architecture = generator.choice((*CONFIGS, strange(generator)))
    elif not isinstance(found.config, dict) or not found.config:
        return
    elif chance < 0.1:
        del found.config[generator.choice(list(found.config))]
    elif chance < 0.14:
        found.config[generator.choice((*WORDS, "ratio", "branches", "form"))] = strange(generator)
    else:
        found.config[generator.choice(list(found.config))] = strange(generator)


def _edit_tensors(found: Whole, generator: random.Random) -> None:
    name = generator.choice(list(found.tensors) or ["new"])
    array = found.tensors.get(name, np.ones(2, np.float32))
    change = generator.choice(("drop", "name", "shape", "dtype", "value", "more", "empty"))
    if change == "drop":
        found.tensors.pop(name, None)
    elif change == "name":
        found.tensors.pop(name, None)
        found.tensors[generator.choice((name + "x", "é" * 20, "n" * 512, "module." + name))] = array
    elif change == "shape":
        found.tensors[name] = array.reshape(generator.choice(((-1,), (1, -1), array.shape[::-1])))
    elif change == "dtype":
        with np.errstate(all="ignore"):
            found.tensors[name] = array.astype(generator.choice(DTYPES))
    elif change == "value":
        array = array.copy()
        value = np.array(generator.choice((np.nan, np.inf, -1.0, 0.0, 3e38)))
        with np.errstate(all="ignore"):  # whatever becomes of it in another type
            array.flat[:1] = value.astype(array.dtype)
        found.tensors[name] = array
    elif change == "more":
        found.tensors |= {f"{name}.{i}": array for i in range(generator.choice((1, 30)))}
    else:
        found.tensors[name] = np.zeros((0, *array.shape[1:]), np.float32)


def _edit_about(found: Whole, generator: random.Random) -> None:
    key = generator.choice(("source", "preprocess", "classes", "more"))
    known = {"source": {"importer": "seed"}, "preprocess": imagenet(), "classes": ["a", "b"]}
    value = known.get(key, "more")
    if isinstance(value, dict) and generator.random() < 0.6:
        value = value | {generator.choice((*value, "x")): strange(generator)}
    found.about[key] = value if generator.random() < 0.7 else strange(generator)


def _edit_kind(found: Whole, generator: random.Random) -> None:
    if found.kinds:
        name = generator.choice(list(found.kinds))
        found.kinds[name] = generator.choice(("convolution", "linear", "norm_bias", ""))


def file_bytes(found: Whole) -> bytes:
    """The interchange file with right digests."""
    digests = {name: tensor_digest(array) for name, array in found.tensors.items()}
    entries = {
        name: {"kind": found.kinds.get(name, "norm_bias"), "sha256": digest}
        for name, digest in digests.items()
    }
    entry = found.about | {"architecture": found.architecture, "config": found.config}
    entry |= {"tensors": entries, "format_version": "1.1" if annotations_of(found.about) else "1.0"}
    try:
        entry["content_sha256"] = content_digest(found.architecture, found.config, digests)
    except (ValueError, TypeError):  # NaN, or no object
        entry["content_sha256"] = "0" * 64
    if annotations_of(found.about):
        text = json.dumps(annotations_of(found.about), sort_keys=True, separators=(",", ":"))
        entry[DIGEST] = hashlib.sha256(text.encode()).hexdigest()
    return _safetensors(found.tensors, {"ghost_weights": json.dumps(entry)})


def _safetensors(tensors: Mapping[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": metadata}
    data = b""
    for name, array in tensors.items():
        piece = little_endian(array).tobytes()
        header[name] = {
            "dtype": NAMES.get(array.dtype) or OTHERS[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(piece)],
        }
        data += piece
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def is_exactly(found: Whole, read: Any) -> bool:
    """Whether what was read is what the file has."""
    same = read.tensors.keys() == found.tensors.keys() and all(
        read.tensors[name].tobytes() == array.tobytes() for name, array in found.tensors.items()
    )
    if not same or read.architecture != found.architecture:
        return False
    # What a file leaves out is read as its default.
    return bool(read.config == configure(found.architecture, found.config).to_dict())
