"""The frameworks of this project, and what each needs; none is imported before it runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from weights.errors import GhostError


@dataclass(frozen=True)
class Framework:
    """A framework: its short name, the package of this project for it, and what that needs."""

    name: str
    package: str
    requires: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed here."""
        return tuple(x for x in (self.package, *self.requires) if find_spec(x) is None)

    @property
    def reason(self) -> str:
        """Why it cannot run here, and how to install it."""
        return f"{', '.join(self.missing)} not installed: pip install 'ghostconv[{self.name}]'"

    def load(self, module: str) -> Any:
        """Import a module of the framework's package by its name there; raises `ImportError`."""
        return import_module(f"{self.package}.{module}")


FRAMEWORKS: Mapping[str, Framework] = {
    framework.name: framework
    for framework in (
        Framework("torch", "ghost_torch", ("torch",)),
        Framework("jax", "ghost_jax", ("jax", "flax")),
        Framework("tf", "ghost_tf", ("keras", "tensorflow")),
    )
}
PACKAGES = tuple(framework.package for framework in FRAMEWORKS.values())


@contextmanager
def needed(what: str, extra: str) -> Iterator[None]:
    """Turn a missing library into a `GhostError` that says how to install it."""
    try:
        yield
    except ImportError as error:
        missing = error.name or str(error)
        raise GhostError(
            f"{what} needs {missing}, which is not installed: pip install 'ghostconv[{extra}]'"
        ) from None
