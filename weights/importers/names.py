"""Names in a checkpoint: where modules begin, what stands before them, and what replaces them."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice

import numpy as np

from weights.errors import ImportRefused
from weights.files.storage import PathLike
from weights.tensors import upwards
from weights.text import brief, listed

# What torch.nn.DataParallel, torch.compile and training scripts put before every name.
WRAPPERS = ("module.", "_orig_mod.", "model.", "backbone.")
# A classifier among other layers of a Sequential, and under the name of torchvision's networks.
HEADS = (
    (re.compile(r"(classifier|linear)\.\d+\.(weight|bias)"), r"\1.\2"),
    (re.compile(r"fc\.(weight|bias)"), r"linear.\1"),
)
LONGEST_NAME = 512
# So many parts of a name may stand before a module.
DEEPEST = 24


def strip_wrappers(names: Sequence[str]) -> str:
    """Return the prefix of wrappers that all names share.

    >>> strip_wrappers(["module._orig_mod.bn1.weight", "module._orig_mod.bn1.bias"])
    'module._orig_mod.'
    """
    for wrapper in WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return wrapper + strip_wrappers([name.removeprefix(wrapper) for name in names])
    return ""


def common_prefix(names: Sequence[str], starts: re.Pattern[str]) -> str:
    """Return the shortest prefix of all names after which one is how a module begins.

    Where none is, the wrappers alone.

    >>> common_prefix(["net.ema.conv_stem.weight", "net.ema.bn1.bias"], re.compile("conv_stem"))
    'net.ema.'
    """
    parts = [name.split(".", DEEPEST)[:-1] for name in names]
    shared = [step[0] for step in zip(*parts, strict=False) if len(set(step)) == 1]
    # Parts are shared from the first to the last only as long as all before them are.
    prefix = ""
    for part in ["", *(shared if names else [])]:
        prefix += f"{part}." if part else ""
        if not all(name.startswith(prefix) for name in names):
            break
        if any(starts.match(name, len(prefix)) for name in names):
            return prefix
    return strip_wrappers(names)


def places(names: Iterable[str], starts: re.Pattern[str]) -> list[str]:
    """Return the paths at which modules may begin, a module before those inside it.

    >>> places(["a.ghost1.w", "a.ghost1.ghost1.w", "b.2.ghost1.w"], re.compile("ghost1"))
    ['a', 'a.ghost1', 'b.2']
    """
    found: dict[str, None] = {}
    for name in names:
        parts = name[:LONGEST_NAME].split(".", DEEPEST)
        ends = accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
        for end in ends:
            if starts.match(name, end):
                found[name[:end].removesuffix(".")] = None
    return sorted(found, key=lambda path: path.count(".") + bool(path))


def is_inside(path: str, others: Collection[str]) -> bool:
    """Return whether a path lies inside another one.

    >>> is_inside("a.b.c", {"a.b"}), is_inside("a.bc", {"a.b", "a.bc"}), is_inside("a", {""})
    (True, False, True)
    """
    return any(outer in others for outer in above(path))


def above(path: str) -> Iterator[str]:
    """Return the paths that a path lies inside, up to that of the whole network."""
    return islice(upwards(path), 1, None)


def heads(names: Iterable[str]) -> dict[str, str]:
    """Return the plain names of wrapped classifiers, where they are not taken.

    >>> heads(["conv_stem.weight", "classifier.1.weight"])
    {'classifier.1.weight': 'classifier.weight'}
    """
    taken, renamed = set(names), dict[str, str]()
    for name in taken:
        for pattern, plain in HEADS:
            found = pattern.fullmatch(name)
            if found:
                renamed[name] = found.expand(plain)
    targets = Counter(renamed.values())
    return {
        name: renamed[name]
        for name in sorted(renamed)
        if targets[renamed[name]] == 1 and renamed[name] not in taken
    }


def beginnings(names: Iterable[str]) -> str:
    """Return the first parts of names, as a list to be read."""
    return listed(dict.fromkeys(name.partition(".")[0] for name in names))


def inside(
    path: PathLike, tensors: Mapping[str, np.ndarray], module: str
) -> tuple[dict[str, np.ndarray], int]:
    """Return the tensors of the module at a path, bare, and how many others there are.

    Raises `ImportRefused` where there are none.
    """
    start = f"{module}."
    found = {name.removeprefix(start): x for name, x in tensors.items() if name.startswith(start)}
    if not found:
        raise ImportRefused(
            f"{path} has no module at {brief(module)}, its names begin with {beginnings(tensors)}"
        )
    return found, len(tensors) - len(found)
