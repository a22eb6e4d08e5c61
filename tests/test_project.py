"""The project's own files: what lies at the top, what an import may do, what is pinned."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.shares import in_share
from weights.version import __version__

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("conformance", "ghost_jax", "ghost_tf", "ghost_torch", "weights")
FOLDERS = {*PACKAGES, "benchmarks", "docs", "examples", "tests"}
MADE_BY_TOOLS = {"build", "dist"}
FILES = {
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "conftest.py",
    "constraints.txt",
    "hubconf.py",
    "pyproject.toml",
}
TEXTS = ("*.py", "*.md", "*.toml", "*.txt", "*.cff", "*.yml", "Makefile", ".ci/*", ".gitignore")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|tmp|home|root|Users)/")
LEFT_OUT_OF_ALL = {
    "test", "mlx", "tf-onnx", "jax-onnx", "docs", "notebooks", "release", "openvino", "ncnn",
    "executorch", "int8", "ray", "runtimes", "timm",
}  # fmt: skip
# What a module may do when it is imported: define names, no more.
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)
GUARDS = ("__name__ == '__main__'", "TYPE_CHECKING")
GLOBAL_STATE = re.compile(r"\benvironb?\b|putenv|config\.update|\.set_\w+\(|seed\(|seterr\(")


def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def requirements() -> list[Requirement]:
    """What the project and its extras need, the project itself left out."""
    table = project()
    lists = [table["dependencies"], *table["optional-dependencies"].values()]
    found = [Requirement(text) for texts in lists for text in texts]
    return [requirement for requirement in found if requirement.name != table["name"]]


def texts() -> Iterator[Path]:
    """The files that people read, without what tools have made."""
    for pattern in TEXTS:
        yield from REPOSITORY.glob(pattern)
        for folder in FOLDERS:
            yield from (REPOSITORY / folder).rglob(pattern)


def at_import(tree: ast.Module) -> list[str]:
    """The statements of a module that do more than define names."""
    return [ast.unparse(node) for node in tree.body if not only_defines(node)]


def only_defines(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=test):
            return ast.unparse(test) in GUARDS
        case ast.Assign(targets=[ast.Name() | ast.Tuple()]) | ast.AnnAssign(target=ast.Name()):
            return not GLOBAL_STATE.search(ast.unparse(node))
    return isinstance(node, DEFINITIONS)


def test_the_top_level_holds_the_project_and_no_more() -> None:
    seen = [path for path in REPOSITORY.iterdir() if path.name[0] not in "._"]

    assert {path.name for path in seen if path.is_dir()} <= FOLDERS | MADE_BY_TOOLS
    assert {path.name for path in seen if path.is_file()} == FILES


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (REPOSITORY / package / "py.typed").read_bytes() == b""


def test_no_text_names_a_path_of_a_machine() -> None:
    assert [path.name for path in texts() if MACHINE_PATHS.search(path.read_text())] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_only_defines_names(package: str) -> None:
    doing = {
        path.name: at_import(ast.parse(path.read_text()))
        for path in (REPOSITORY / package).rglob("*.py")
        if path.name != "__main__.py"
    }

    assert {name: statements for name, statements in doing.items() if statements} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "os.environ['KERAS_BACKEND'] = 'torch'",
        "jax.config.update('jax_enable_x64', True)",
        "unused = torch.set_default_dtype(torch.float64)",
        "np.random.seed(0)",
        "if True:\n    warnings.simplefilter('ignore')",
        "keras.Layer.name = 'x'",
    ],
)
def test_a_module_that_changes_global_state_is_found(statement: str) -> None:
    assert at_import(ast.parse(statement)) == [statement]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda one: one.name)
def test_every_requirement_has_a_lower_bound_and_is_pinned(requirement: Requirement) -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pins.items()}

    assert [specifier.operator for specifier in requirement.specifier] == [">="]
    assert versions[canonicalize_name(requirement.name)] in requirement.specifier


def test_all_brings_everything_but_tests_example_and_publishing() -> None:
    extras = project()["optional-dependencies"]
    (everything,) = (Requirement(text) for text in extras["all"])

    assert everything.extras == extras.keys() - {"all", *LEFT_OUT_OF_ALL}


@pytest.mark.parametrize("script", ["ghost-conformance", "ghost-weights"])
def test_a_script_is_a_function(script: str) -> None:
    module, _, function = project()["scripts"][script].partition(":")

    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(
    ("package", "needs"),
    [
        ("weights", "numpy"),
        ("conformance", "numpy"),
        ("ghost_torch", "torch"),
        ("ghost_jax", "flax"),
        ("ghost_tf", "keras"),
    ],
)
def test_a_package_has_the_version_of_the_project(package: str, needs: str) -> None:
    pytest.importorskip(needs)

    assert importlib.import_module(package).__version__ == __version__


@pytest.mark.parametrize("script", ["ghost-conformance", "ghost-weights"])
def test_a_script_tells_the_version(script: str) -> None:
    module, _, function = project()["scripts"][script].partition(":")
    command = getattr(importlib.import_module(module), function)

    assert CliRunner().invoke(command, ["--version"]).output == f"{script}, version {__version__}\n"


def test_the_changelog_knows_the_version() -> None:
    headings = re.findall(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert __version__ in headings


def test_shares_of_the_tests_are_all_of_them_once() -> None:
    shares = [{name for name in map(str, range(999)) if in_share(name, n, 3)} for n in (1, 2, 3)]

    assert len(set.union(*shares)) == sum(map(len, shares)) == 999
    assert min(map(len, shares)) > 250
