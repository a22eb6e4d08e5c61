"""The skeleton of a source file: what a reader compares when columns lie side by side.

A line for each fact, in the order of the source: names, parameters with their defaults, first lines
of docstrings, plain data, and inside functions the kind of every statement with its targets.
Annotations, base classes, expressions and whatever else is a framework's own word are left out.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

# What a framework calls the method that computes the output: the first that a class has.
CALLS = ("forward", "call", "__call__")
# A framework's own keywords come after the common ones; only there are they left out.
OWN_KEYWORDS = frozenset(
    {
        "device",
        "dtype",
        "param_dtype",
        "rngs",
        "data_format",
        "training",
        "remat",
        "axis_name",
        "axis_index_groups",
    }
)
# Statements that are a framework's own wherever they stand.
OWN_STATEMENTS = frozenset(
    {
        "self.data_format =",  # Keras: the order of axes is part of every layer
        "settle(...)",  # Keras: names and flags of the layers inside
        "check_dtype(...)",  # JAX alone replaces a type that is not enabled by a narrower one
        "self.remat =",  # rematerialisation is offered in PyTorch and JAX
        "training =",  # the oracle's modules know their mode by a field
        "check_input(...)",  # Keras checks the input in `_check_input`, shared with `__call__`
        "self._check_input(...)",
        "if not self.built",  # `stages` alone may come before Keras created the variables
        "self.build(...)",
    }
)


@dataclass(frozen=True)
class Skeleton:
    """What of a source file becomes a line.

    `dropped` definitions are left out whole, of those in `own_bodies` only the first line is kept;
    both hold the names of classes and functions, and those of methods after a dot. With
    `is_interface` no private function and no statement of a function is kept.
    """

    dropped: Collection[str] = ()
    own_bodies: Collection[str] = ()
    is_interface: bool = False

    def lines(self, source: str) -> list[str]:
        """The facts of a source file."""
        return list(self._block("", ast.parse(source).body))

    def _block(self, place: str, statements: list[ast.stmt]) -> Iterator[str]:
        for statement in statements:
            if isinstance(statement, ast.ClassDef):
                yield from self._class(statement)
            elif isinstance(statement, ast.FunctionDef):
                yield from self._function(place, statement.name, statement)
            elif not _is_framework_word(statement):
                yield from self._statement(place, statement)

    def _class(self, node: ast.ClassDef) -> Iterator[str]:
        if node.name in self.dropped:
            return
        yield f"class {node.name}: {_summary(node)}"
        methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        call = next((name for name in CALLS if name in methods), "")
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == call:
                yield from self._function(f"{node.name}.", "call", item)
            else:
                yield from self._block(f"{node.name}.", [item])

    def _function(self, place: str, name: str, node: ast.FunctionDef) -> Iterator[str]:
        known_as = f".{name}" if place.endswith(".") else name
        if known_as in self.dropped or (self.is_interface and known_as.startswith("_")):
            return
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        kind = "property" if "property" in decorators else "def"
        yield f"{kind} {place}{name}({_parameters(node.args)}): {_summary(node)}"
        if not self.is_interface and known_as not in self.own_bodies:
            yield from self._block(f"{place}{name}: ", node.body)

    def _statement(self, place: str, node: ast.stmt) -> Iterator[str]:
        if _head(node) in OWN_STATEMENTS:
            return
        if _head(node) == "__all__ =":
            yield from (f"__all__ = {name!r}" for name in ast.literal_eval(node.value))
            return
        is_inside_function = place.endswith(" ")
        data = "" if is_inside_function else _data(getattr(node, "value", None))
        yield f"{place}{_head(node)} {data}".rstrip()
        for branch in ("body", "orelse"):
            yield from self._block(f"{place}  ", getattr(node, branch, []))


def differences(wanted: list[str], got: list[str]) -> list[str]:
    """What must be taken out (-) and put in (+) to make one skeleton of the other."""
    changed = []
    matcher = SequenceMatcher(None, wanted, got, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            changed += [f"- {line}" for line in wanted[i:j]] + [f"+ {line}" for line in got[k:m]]
    return changed


def _is_framework_word(node: ast.stmt) -> bool:
    """A docstring, an import, the call of the base class."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or "super().__init__" in ast.unparse(node)
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _summary(node: ast.ClassDef | ast.FunctionDef) -> str:
    first = (ast.get_docstring(node) or "").partition("\n")[0]
    return "Shapes" if first.startswith("Shapes: ") else first  # the order of axes may differ


def _parameters(arguments: ast.arguments) -> str:
    names = arguments.args
    padding = [None] * (len(names) - len(arguments.defaults))
    common = _common(names, [*padding, *arguments.defaults])
    keywords = _common(arguments.kwonlyargs, arguments.kw_defaults)
    return ", ".join([*common, "*", *keywords] if keywords else common)


def _common(names: list[ast.arg], defaults: list[ast.expr | None]) -> list[str]:
    pairs = list(zip((name.arg for name in names), defaults, strict=True))
    while pairs and pairs[-1][0] in OWN_KEYWORDS:
        pairs.pop()
    return [name if value is None else f"{name}={ast.unparse(value)}" for name, value in pairs]


def _head(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=targets):
            return f"{' = '.join(map(ast.unparse, targets))} ="
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return f"{ast.unparse(target)} ="
        case ast.Expr(value=ast.Call(func=function)):
            return f"{ast.unparse(function)}(...)"
        case ast.If(test=test):
            return f"if {ast.unparse(test)}"
        case ast.For(target=target, iter=iterable):
            # Keras alone hands `training` on.
            return f"for {ast.unparse(target)} in {ast.unparse(iterable).replace(', training', '')}"
        case _:
            return type(node).__name__.lower()


def _data(value: ast.expr | None) -> str:
    """A value that is plain data: a constant, the names in a list, the keys of a table."""
    match value:
        case ast.Constant() | ast.List():
            return ast.unparse(value)
        case ast.Dict(keys=keys):
            return ", ".join(ast.unparse(key) for key in keys if key is not None)
        case _:
            return ""
