"""The source of a network's skeleton: its modules at their paths, in a framework's words."""

import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from weights.modules.configuration import Configuration
from weights.networks.architectures import ARCHITECTURES
from weights.networks.custom import NUMBER

ROOT = "Network"
WORD = re.compile(r"[A-Za-z0-9]+")

# Modules by the names of a path: inner ones, or the kind and the configuration of a layer.
Tree = dict[str, Any]


@dataclass(frozen=True)
class Expression:
    """Python that makes a module, and what has to be said of it."""

    code: str
    note: str = ""

    def line(self, end: str = "") -> str:
        """As a line of a program."""
        return f"{self.code}{end}" + (f"  # {self.note}" if self.note else "")


@dataclass(frozen=True)
class Words:
    """A framework's words: imports, base classes, what a constructor takes, how lists are held."""

    header: str
    base: str
    inner_base: str
    constructor: str
    passed: str
    call: str
    list_of: str
    gap: str
    start: str
    own: str
    layers: Mapping[str, Callable[[Any], Expression]]
    unknown: str

    def layer(self, kind: str, part: Configuration, own: Mapping[str, type]) -> Expression:
        """The Python that makes a layer, or a module of this project, whose classes are `own`."""
        if kind in own:
            return Expression(self.own.format(own[kind].__name__, arguments(kind, part)))
        make = self.layers.get(kind)
        return make(part) if make else Expression(self.unknown, f"a {kind}")


def skeleton(
    parts: Iterable[tuple[str, str, Configuration]], words: Words, own: Mapping[str, type]
) -> str:
    """The program that makes modules of these paths, kinds and configurations.

    `own` are the framework's classes of this project, by kind.
    """
    tree: Tree = {}
    for path, kind, part in parts:
        *above, name = path.split(".")
        node = tree
        for each in above:
            node = node.setdefault(each, {})
        node[name] = words.layer(kind, part, own)
    classes: list[str] = []
    _class(ROOT, tree, words, classes)
    return "\n\n\n".join([words.header.strip(), *classes]) + "\n"


def arguments(kind: str, part: Configuration) -> str:
    """The arguments of a module of this project that are not its defaults, as Python has them."""
    known: Mapping[str, Any] = signature(ARCHITECTURES[kind]).parameters
    written = part.to_dict().items()
    return ", ".join(
        f"{name}={value!r}"
        for name, value in written
        if name not in known or known[name].default != value
    )


def _class(name: str, tree: Tree, words: Words, classes: list[str]) -> None:
    """Add a class, after those of the modules inside it."""
    lines = [words.start] if words.start else []
    for attribute, node in tree.items():
        made = _made(f"{name}_{attribute}", node, words, classes)
        lines.append(_assignment(attribute, made))
    base = words.base if name == ROOT else words.inner_base
    body = "\n".join(f"        {line}" for text in lines for line in text.split("\n"))
    classes.append(
        f"class {_camel(name)}({base}):\n    def __init__({words.constructor}):\n{body}\n\n"
        f"    def {words.call}:\n"
        '        raise NotImplementedError("connect the modules here")'
    )


def _made(name: str, node: Any, words: Words, classes: list[str]) -> Expression:
    if isinstance(node, Expression):
        return node
    if all(NUMBER.fullmatch(each) for each in node) and max(map(int, node)) < 4 * len(node):
        return _list(name, node, words, classes)
    _class(name, node, words, classes)
    return Expression(f"{_camel(name)}({words.passed})")


def _list(name: str, node: Tree, words: Words, classes: list[str]) -> Expression:
    """Modules in an order, with placeholders for numbers that hold no tensors."""
    by_number = {int(number): each for number, each in node.items()}
    lines = []
    for index in range(max(by_number) + 1):
        each = Expression(words.gap)
        if index in by_number:
            each = _made(f"{name}_{index}", by_number[index], words, classes)
        lines.append(f"    {each.line(',')}".replace("\n", "\n    "))
    inside = "\n".join(lines)
    return Expression(f"{words.list_of}([\n{inside}\n])" if words.list_of else f"[\n{inside}\n]")


def _assignment(name: str, made: Expression) -> str:
    is_plain = name.isidentifier() and not keyword.iskeyword(name)
    code = f"self.{name} = {made.code}" if is_plain else f"setattr(self, {name!r}, {made.code})"
    return Expression(code, made.note).line()


def _camel(name: str) -> str:
    """The name of a class: of `Network_layer1_0` it is `NetworkLayer1_0`."""
    parts = WORD.findall(name)
    return "".join(f"_{p}" if p[0].isdigit() else p[0].upper() + p[1:] for p in parts)
