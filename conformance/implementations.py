"""The names of implementations: ours, the oracle, and anybody's `package.module:function`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from weights import ArgumentError

Build = Callable[..., Any]

OURS = {
    "ghost_torch": ("torch",),
    "ghost_jax": ("jax", "flax"),
    "ghost_tf": ("keras", "tensorflow"),
}
ORACLE = "oracle"
# What must stand in the environment of a child before it imports a module of ours, or a mode of it.
ENVIRONMENTS = {
    "ghost_jax.modes:float64": {"JAX_ENABLE_X64": "1"},
    "ghost_tf.modes": {"KERAS_BACKEND": "tensorflow"},
    "ghost_tf.backends:jax": {"KERAS_BACKEND": "jax"},
    "ghost_tf.backends:torch": {"KERAS_BACKEND": "torch"},
}


@dataclass(frozen=True)
class Availability:
    """Whether one of our packages can run here, and what it lacks."""

    name: str
    lacks: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether everything that it needs is here."""
        return not self.lacks

    @property
    def reason(self) -> str:
        """Why it cannot run, and the way out."""
        return f"{', '.join(self.lacks)} not installed: pip install {' '.join(self.lacks)}"


def available() -> list[Availability]:
    """Our three packages, with what each of them lacks on this machine."""
    return [
        Availability(name, tuple(package for package in packages if find_spec(package) is None))
        for name, packages in OURS.items()
    ]


def target(name: str) -> tuple[str, str]:
    """The module and the function behind a name; raises `ArgumentError`.

    >>> target("ghost_jax")
    ('ghost_jax.adapter', 'build')
    """
    if name in OURS:
        return f"{name}.adapter", "build"
    if name == ORACLE:
        return "conformance.oracle.adapter", "build"
    module, separator, function = name.partition(":")
    if not (module and separator and function):
        raise ArgumentError(
            f"`--implementation` must be one of {', '.join(OURS)}, {ORACLE} or "
            f"package.module:function, got {name!r}"
        )
    return module, function


def environment(name: str) -> Mapping[str, str]:
    """What must stand in the environment before the implementation of that name is imported.

    >>> environment("ghost_tf.modes:graph")
    {'KERAS_BACKEND': 'tensorflow'}
    """
    module, _, _ = name.partition(":")
    return ENVIRONMENTS.get(name, ENVIRONMENTS.get(module, {}))


def load(name: str) -> tuple[Build, dict[str, str]]:
    """The build function behind a name, and what a report records of it.

    That is the versions that its module tells, what `strict_arithmetic` of the module set so that
    nothing is silently rounded to fewer bits, and the precision of that function.
    """
    module_name, function = target(name)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ArgumentError(f"cannot import {module_name} of {name!r}: {error}") from error
    build = getattr(module, function, None)
    if not callable(build):
        raise ArgumentError(f"{module_name} has no function {function!r}")
    told: dict[str, str] = {}
    for each in ("versions", "strict_arithmetic"):
        tell = getattr(module, each, None)
        told |= dict(tell()) if callable(tell) else {}
    precision = getattr(module, "PRECISIONS", {}).get(function, {})
    return build, told | {name: str(value) for name, value in precision.items()}


def installed_version(package: str) -> str:
    """The version of a distribution, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
