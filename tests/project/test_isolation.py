"""Each framework package works where the other frameworks are not installed.

One environment holds them all, so a process hides them from the import system.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from weights.frameworks import PACKAGES

pytestmark = pytest.mark.slow  # every test imports a framework anew

REPOSITORY = Path(__file__).resolve().parents[2]
FRAMEWORKS = frozenset({"torch", "jax", "jaxlib", "flax", "keras", "tensorflow"})

HIDE = """
import sys

class Without:
    def __init__(self, finder, hidden):
        self.finder, self.hidden = finder, hidden

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        is_hidden = name.partition(".")[0] in self.hidden
        return None if is_hidden else self.finder.find_spec(name, path, target)

hidden = set(sys.argv[1].split(","))
sys.meta_path[:] = [Without(finder, hidden) for finder in sys.meta_path]
"""
FIVE_CALLS = """
from {package} import GhostConv, from_file, load_weights, save_weights, set_state, state

layer = GhostConv(3, 5, kernel_size=3, padding=1{arguments})
save_weights(layer, sys.argv[2])
load_weights(layer, sys.argv[2])
set_state(from_file(sys.argv[2]), state(layer))
print(state(layer)["primary_conv.0.weight"].shape)
"""
ARGUMENTS = {"ghost_jax": ', rngs=__import__("flax").nnx.Rngs(0)'}
# TensorFlow and Keras import JAX where it is installed, and do without where it is not.
OWN = {
    "ghost_torch": {"torch"},
    "ghost_jax": {"jax", "jaxlib", "flax"},
    "ghost_tf": {"keras", "tensorflow"},
}
BROUGHT_ALONG = {"ghost_tf": {"jax", "jaxlib"}}
# What is imported when it is called.
OWN_LEFT_OUT = {"exporting.export", "modes", "replacing.models", "recording"}
LEFT_OUT = {
    "weights.card",
    "weights.deployment.export",
    "weights.evaluation",
    "weights.importers",
    "weights.modules.ordinary.convolutions",
    "weights.modules.ordinary.others",
    "weights.prediction",
    "weights.replacing",
}
in_every_package = pytest.mark.parametrize("package", PACKAGES)


def skip_unless_installed(package: str) -> None:
    for name in OWN[package]:
        if find_spec(name) is None:
            pytest.skip(f"needs {name}, which is not installed")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )


def run_without(hidden: set[str] | frozenset[str], code: str, *arguments: str) -> str:
    """What the code prints in a process where those frameworks are not installed."""
    result = run("-c", HIDE + code, ",".join(sorted(hidden)), *arguments)
    return result.stdout if result.returncode == 0 else result.stderr


@in_every_package
def test_a_package_works_without_the_other_frameworks(package: str, tmp_path: Path) -> None:
    skip_unless_installed(package)
    code = FIVE_CALLS.format(package=package, arguments=ARGUMENTS.get(package, ""))
    path = str(tmp_path / "layer.safetensors")

    assert run_without(FRAMEWORKS - OWN[package], code, path) == "(2, 3, 3, 3)\n"


def test_weights_and_conformance_work_without_any_framework() -> None:
    code = (
        "from conformance.oracle import GhostConv\n"
        "import conformance.commands.cli, numpy\n"
        "from weights.commands.cli import NAMES, main\n"
        "assert all(main.get_command(None, name) for name in NAMES)\n"
        "print(GhostConv(3, 5)(numpy.zeros((1, 3, 2, 2))).shape)"
    )

    assert run_without(FRAMEWORKS, code) == "(1, 5, 2, 2)\n"


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
def test_a_hidden_framework_is_missing_as_if_never_installed(framework: str) -> None:
    code = f"import importlib.util\nprint(importlib.util.find_spec({framework!r}))\n"

    assert run_without({framework}, code) == "None\n"
    assert f"No module named '{framework}'" in run_without({framework}, f"import {framework}")


@cache
def loaded_by(package: str) -> set[str]:
    """The modules that are loaded when a package is imported."""
    report = run("-X", "importtime", "-c", f"import {package}").stderr
    return {line.rpartition("|")[2].strip() for line in report.splitlines()}


@in_every_package
def test_importing_a_package_loads_no_other_framework(package: str) -> None:
    skip_unless_installed(package)
    loaded = FRAMEWORKS & {name.partition(".")[0] for name in loaded_by(package)}

    assert package in loaded_by(package)
    assert loaded - BROUGHT_ALONG.get(package, set()) == OWN[package]


def is_there(module: str) -> bool:
    """Whether a module of this project has that name; it is not imported."""
    place = REPOSITORY.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


@in_every_package
def test_importing_a_package_leaves_out_what_few_sessions_need(package: str) -> None:
    skip_unless_installed(package)
    left_out = {*LEFT_OUT, *(f"{package}.{name}" for name in OWN_LEFT_OUT)}

    assert all(map(is_there, left_out))
    assert left_out & loaded_by(package) == set()
