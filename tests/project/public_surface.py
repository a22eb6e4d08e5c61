"""The public names of the five packages with their signatures, as one text.

`python -m tests.project.public_surface` writes it anew, where a change is wanted.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

# Each package, and a module that it needs.
PACKAGES = {
    "conformance": "numpy",
    "ghost_jax": "flax",
    "ghost_tf": "keras",
    "ghost_torch": "torch",
    "weights": "numpy",
}
FILE = Path(__file__).resolve().parents[1] / "fixtures" / "public_surface.txt"


def surface(package: str) -> Iterator[str]:
    """A line for each public name of a package."""
    module = importlib.import_module(package)
    for name in sorted({*module.__all__, "__version__"}):
        yield f"{package}.{name}{_kind(getattr(module, name))}"


def _kind(value: Any) -> str:
    """The signature of a function or constructor, the base of an error, the type of a value."""
    if inspect.isroutine(value):
        return _signature(value)
    if not isinstance(value, type):
        return f": {type(value).__name__}"
    if issubclass(value, Exception):
        return f": {value.__base__.__name__}"
    if issubclass(value, Enum):
        return f": {', '.join(value.__members__)}"
    if issubclass(value, tuple):
        fields = value.__annotations__.items()
        return f"({', '.join(f'{name}: {of.__forward_arg__}' for name, of in fields)})"
    return _arguments(value) if is_dataclass(value) else _signature(value.__init__)


def _signature(function: Any) -> str:
    """The arguments and the result as the source has them, types by their names."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    arguments = ast.unparse(node.args).removeprefix("self, ")
    result = "" if node.name == "__init__" or not node.returns else ast.unparse(node.returns)
    return f"({arguments})" + (f" -> {result}" if result else "")


def _arguments(kind: Any) -> str:
    """The fields of a dataclass that its constructor takes."""
    taken = (each for each in fields(kind) if each.init)
    return f"({', '.join(f'{each.name}: {each.type}{_default(each)}' for each in taken)})"


def _default(field: Field[Any]) -> str:
    return "" if field.default is MISSING else f"={field.default!r}"


def main() -> None:
    lines = [line for package in PACKAGES for line in surface(package)]
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
