"""Our reader of safetensors files beside the crate's: `python -m tests.trust.fuzzers.differential`.

What one accepts and the other refuses is on the list below, or is wrong.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors

from tests.file_edits import LENGTH
from tests.trust.fuzzers.mutations import KINDS, mutate
from tests.trust.fuzzers.program import fuzz_and_count
from weights import GhostError
from weights.files.header import METADATA
from weights.files.storage import read_safetensors

SIZES = {"F32": 4, "F16": 2, "I64": 8, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "C64": 8}
# What the crate accepts and we refuse, by the words of our refusal.
STRICTER: Mapping[str, str] = {
    "is nested too deeply": "a field that nobody looks at, nested more than 32 deep",
    "its header has ": "a name twice: the crate takes the last of them",
    "wrong header entries": "a name that is empty, long or has control characters, or a rank "
    "above 32: nobody writes these, and a terminal may obey them",
    "has the unsupported dtype": "types that no weights of this project have, and NumPy has not",
}


def drawn(generator: random.Random) -> bytes:
    """A file with a header that is sound but for a few places."""
    header: dict[str, Any] = {}
    end = 0
    names = generator.sample(("a", "b.weight", "é", "c" * 512), 3)
    if generator.random() < 0.1:
        names[0] = generator.choice(("long" * 150, "tab\t", ""))
    for name in names:
        dtype = generator.choice([*SIZES, *["F32"] * 20])
        rank = 33 if generator.random() < 0.02 else generator.randrange(4)
        shape = [generator.choice((0, 1, 2, 3) if rank < 33 else (1,)) for _ in range(rank)]
        count = 1
        for size in shape:
            count *= size
        start, end = end, end + count * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    if generator.random() < 0.5:
        header[METADATA] = {"a": "b"}
    if generator.random() < 0.1:
        header[generator.choice(list(header))] = generator.choice((None, [], {"dtype": "F32"}))
    if generator.random() < 0.1:
        first = generator.choice(list(header))
        if isinstance(header[first], dict):
            header[first]["more"] = generator.choice(
                (1, [[]], "x", json.loads("[" * 100 + "]" * 100))
            )
    text = json.dumps(header, ensure_ascii=generator.random() < 0.5).encode()
    if generator.random() < 0.1:
        text = text[:-1] + b', "a": ' + json.dumps(next(iter(header.values()))).encode() + b"}"
    text += b" " * generator.choice((0, 0, 1, 7))
    return len(text).to_bytes(LENGTH, "little") + text + bytes(end)


def files(count: int, seed: int) -> Iterator[bytes]:
    """Files of which half are damaged once more."""
    generator = random.Random(seed)
    for _ in range(count):
        data = drawn(generator)
        yield data if generator.random() < 0.5 else damaged(data, generator)


def damaged(data: bytes, generator: random.Random) -> bytes:
    """The file with some bytes changed."""
    kinds = [name for name in KINDS if not name.startswith("edit")]
    return mutate(data, generator, kinds)[1]


def crate(data: bytes) -> dict[str, bytes] | str:
    """The tensors, by the crate's own reader, or its refusal."""
    try:
        return {name: bytes(each["data"]) for name, each in safetensors.deserialize(data)}
    except safetensors.SafetensorError as error:
        return str(error)


def ours(path: Path) -> dict[str, bytes] | str:
    """The tensors, by our reader, or its refusal."""
    try:
        return {name: array.tobytes() for name, array in read_safetensors(path)[0].items()}
    except GhostError as error:
        return str(error)


def compare(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How often the two agreed and differed, and what nobody has explained."""
    said, wrong = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        for data in files(count, seed):
            path.write_bytes(data)
            theirs, own = crate(data), ours(path)
            words = _difference(theirs, own)
            said[words] += 1
            if words.startswith("unexplained"):
                wrong.append(f"{words}: {data!r}")
    return said, wrong


def _difference(theirs: dict[str, bytes] | str, own: dict[str, bytes] | str) -> str:
    if isinstance(theirs, str) and isinstance(own, str):
        return "both refuse"
    if isinstance(theirs, dict) and isinstance(own, dict):
        return "both read the same" if theirs == own else "unexplained: other tensors"
    if isinstance(theirs, str):
        return f"unexplained: we accept: {theirs}"
    found = next((why for words, why in STRICTER.items() if words in str(own)), None)
    return f"we refuse: {found}" if found else f"unexplained: we refuse: {own}"


if __name__ == "__main__":
    sys.exit(fuzz_and_count(compare, "files", __doc__))
