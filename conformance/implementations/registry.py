"""The names of implementations: ours, the oracle, and anybody's `package.module:function`."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from conformance.implementations.caching import cache_environment
from conformance.implementations.errors import NAME_LIMIT, NotSupported, safe_str, shorten
from conformance.implementations.precision import Precision, read_precision
from weights import ArgumentError
from weights.frameworks import FRAMEWORKS

Build = Callable[..., Any]

OURS = {framework.package: framework for framework in FRAMEWORKS.values()}
ORACLE = "oracle"
# The packages on which every verdict depends.
SUITE = ("conformance", "weights")
# The implementation that keeps its compiled programs itself, and the packages that make them.
KEEPS_PROGRAMS = "ghost_jax"
COMPILERS = ("jax", "jaxlib", "flax", "numpy")
# Entries of an implementation in a report.
VERSION_LIMIT = 50
# The environment of every child, where the user has set nothing else.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow prints when it is imported
    "OMP_NUM_THREADS": "1",  # the cases are tiny, more threads are no faster
    # Several processes share a GPU: none takes most of its memory before it needs it.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}
# What tells `ghost_jax` to optimise the inference of a GhostConv and nothing else.
QUICK = {"GHOSTCONV_QUICK": "1"}
# The environment that a module of ours needs, or a mode of it.
ENVIRONMENTS = {
    "ghost_jax.modes:float64": {"JAX_ENABLE_X64": "1"},
    "ghost_tf.modes": {"KERAS_BACKEND": "tensorflow"},
    "ghost_tf.backends:jax": {"KERAS_BACKEND": "jax"},
    "ghost_tf.backends:torch": {"KERAS_BACKEND": "torch"},
}


def target(name: str) -> tuple[str, str]:
    """The module and the function behind a name; raises `ArgumentError`.

    >>> target("ghost_jax")
    ('ghost_jax.adapter', 'build')
    """
    if not name.isprintable() or len(name) > NAME_LIMIT:
        raise ArgumentError(
            f"`--implementation` must be printable and of at most {NAME_LIMIT} characters, got "
            f"{shorten(name, NAME_LIMIT)!r}"
        )
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


def environment(name: str, *, cached: bool = False, quick: bool = False) -> dict[str, str]:
    """The environment of the process of an implementation, with what the user has set.

    `cached` lets JAX keep what it compiles in the user's cache folder, `quick` lets it optimise
    the inference of a GhostConv alone.

    >>> environment("ghost_tf.modes:graph")["KERAS_BACKEND"]
    'tensorflow'
    """
    module, _, _ = name.partition(":")
    own = ENVIRONMENTS.get(name, ENVIRONMENTS.get(module, {}))
    origin = _origin(name) if name == KEEPS_PROGRAMS else None
    kept = cache_environment(origin) if cached else {}
    return {**ENVIRONMENT, **kept, **(QUICK if quick else {}), **os.environ, **own}


def load(name: str) -> tuple[Build, dict[str, Any]]:
    """The build function behind a name, and the facts that its module states.

    These are `versions` for a report, with the settings that `strict_arithmetic` of the module made
    so that nothing is silently rounded to fewer bits, and the `precision` of that function.
    """
    module_name, function = target(name)
    try:
        module = importlib.import_module(module_name)
    except (ImportError, NotSupported) as error:
        reason = f"cannot import {module_name} of {name!r}: {safe_str(error)}"
        raise ArgumentError(reason) from error
    build = getattr(module, function, None)
    if not callable(build):
        raise ArgumentError(f"{module_name} has no function {function!r}")
    precision = read_precision(getattr(module, "PRECISIONS", {}), function)
    return build, {"versions": _versions(module, precision), "precision": astuple(precision)}


def _versions(module: Any, precision: Precision) -> dict[str, str]:
    facts: dict[str, str] = {}
    for each in ("versions", "strict_arithmetic"):
        function = getattr(module, each, None)
        found = function() if callable(function) else {}
        if not isinstance(found, Mapping):
            raise ArgumentError(f"`{each}` must return a mapping, got a {type(found).__name__}")
        for name, value in islice(found.items(), VERSION_LIMIT):
            facts[safe_str(name, NAME_LIMIT)] = safe_str(value, NAME_LIMIT)
    return facts | ({"precision": str(precision)} if str(precision) else {})


def code_of(names: Iterable[str]) -> dict[str, str]:
    """A digest of the source of the suite's packages, and of that of every implementation."""
    suite = {package: _digest(package) for package in SUITE}
    return suite | {name: _digest(target(name)[0].partition(".")[0]) for name in names}


def _origin(name: str) -> object:
    """All on which it depends what an implementation compiles: code, packages, processor."""
    own = target(name)[0].partition(".")[0]
    code = [_digest(own), _digest("weights"), *map(installed_version, COMPILERS)]
    return [*code, np.show_config(mode="dicts")]


def _digest(package: str) -> str:
    """A digest of all source of a package, wherever it lies; empty where there is none."""
    spec = PathFinder.find_spec(package, [str(Path.cwd()), *sys.path])
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [(Path(folder), path) for folder in folders for path in Path(folder).rglob("*.py")]
    if spec and spec.origin and not folders:
        files = [(Path(spec.origin).parent, Path(spec.origin))]
    found = {path.relative_to(place): path for place, path in files if path.is_file()}
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\0".encode(errors="replace") + found[name].read_bytes())
    return digest.hexdigest() if found else ""


def installed_version(package: str) -> str:
    """The version of a distribution, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
