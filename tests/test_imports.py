"""Who may import whom, read from the source: what is imported by chance at run time proves nothing.

TensorFlow and Keras import JAX by themselves where it is installed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "weights": {"numpy", "safetensors", "ml_dtypes", "click", "rich"},
    "ghost_torch": {"weights", "torch", "numpy"},
    "ghost_jax": {"weights", "jax", "flax", "numpy"},
    "ghost_tf": {"weights", "keras", "tensorflow", "numpy"},
    "conformance": {"weights", "numpy", "click", "rich"},
}
# What pytest alone imports.
TEST_FILES = {
    "conformance/pytest_plugin.py": {"pytest"},
    "conformance/test_implementation.py": {"pytest"},
}
# Inside functions only: what a run without it never reaches.
MAY_IMPORT_LATE = {
    "weights/importers": {"torch"},
    "weights/importers/graphs": {"onnx"},
    "weights/importers/containers": {"h5py", "flax", "jax", "orbax"},
    "weights/deployment/quantising": {
        "onnx",
        "onnxruntime",
        "openvino",
        "nncf",
        "ai_edge_quantizer",
        "ai_edge_litert",
        "torch",
        "torchao",
        "executorch",
    },
    "weights/deployment/runtimes": {
        "onnx",
        "onnxruntime",
        "torch",
        "executorch",
        "openvino",
        "ncnn",
        "jax",
        "tensorflow",
        "ai_edge_litert",
    },
    "weights/hub.py": {"huggingface_hub"},
    "ghost_torch/timm_models.py": {"timm"},
    "ghost_torch/exporting": {"onnx", "onnxscript", "openvino", "pnnx", "executorch"},
    "ghost_jax/exporting": {"onnx", "jax2onnx"},
    "ghost_tf/exporting": {"onnx", "tf2onnx"},
    "ghost_tf/framework/keras_backends.py": {"jax", "torch"},
    "ghost_tf/replicas/data_parallel.py": {"jax"},
    "weights/prediction/images.py": {"PIL"},
    "weights/evaluation/page.py": {"PIL", "jinja2"},
    "weights/evaluation/engines.py": {"ray"},
    "conformance/mutants/variants/stock.py": {"torch", "keras", "jax", "flax"},
    "conformance/cases/digits.py": {"torch", "sklearn", "ghost_torch"},
    "conformance/implementations/actors.py": {"ray"},
    "conformance/reports/html.py": {"jinja2", "markupsafe"},
}
# Who imports by name, at the wish of the user.
IMPORTS_BY_NAME = {
    "conformance/implementations/registry.py",
    "weights/columns/recording/user_code.py",
    "weights/frameworks.py",
    "weights/prediction/frameworks.py",
}
# What fits on a screen.
LARGEST_FOLDER = 16

# Arithmetic on sizes in a column, which is none of `weights`' business.
OWN_ARITHMETIC = {
    "x.size // x.shape[self.axis]": "how many values a channel has",
    "x.size // x.shape[1]": "likewise",
    "index // columns": "which row of a kernel",
    "index % columns": "which column",
    "kernel.shape[-1] // x.shape[-1]": "how many outputs a channel has",
}
ROUNDING = {"round", "ceil", "floor", "divmod"}
COLUMNS = ("ghost_torch", "ghost_jax", "ghost_tf", "conformance/oracle")


@dataclass(frozen=True)
class Import:
    """One name that a file imports."""

    file: str
    name: str
    is_late: bool

    def __str__(self) -> str:
        return f"{self.file} imports {self.name}" + (" inside a function" if self.is_late else "")


def sources(place: str) -> Iterator[tuple[str, ast.Module]]:
    """The files of a package or folder, by their path from the root, as trees."""
    for path in sorted((REPOSITORY / place).rglob("*.py")):
        yield path.relative_to(REPOSITORY).as_posix(), parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.fixture(scope="module", autouse=True)
def forget() -> Iterator[None]:
    """Leave no trees behind, which the collector would go through ever after."""
    yield
    parsed.cache_clear()


def imports(file: str, tree: ast.AST, is_late: bool = False) -> Iterator[Import]:
    """Every import of a tree that is run: those of a type checker alone are not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, alias.name.partition(".")[0], is_late)
        elif isinstance(node, ast.ImportFrom):
            name = node.module if node.module and not node.level else "a relative name"
            yield Import(file, name.partition(".")[0], is_late)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            inside = is_late or isinstance(node, ast.FunctionDef | ast.Lambda)
            yield from imports(file, node, inside)


def allowed(found: Import) -> bool:
    """Whether the tables above, or the standard library, have it."""
    package = found.file.partition("/")[0]
    always = MAY_IMPORT[package] | {package} | sys.stdlib_module_names
    always |= TEST_FILES.get(found.file, set())
    late = (names for place, names in MAY_IMPORT_LATE.items() if found.file.startswith(place))
    return found.name in always or (found.is_late and any(found.name in names for names in late))


@cache
def all_imports() -> list[Import]:
    return [
        found for package in MAY_IMPORT for item in sources(package) for found in imports(*item)
    ]


def refused(source: str, file: str) -> list[str]:
    """The imports of a text that would be refused if it stood in that file."""
    return [str(found) for found in imports(file, ast.parse(source)) if not allowed(found)]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_what_it_may(package: str) -> None:
    found = [found for item in sources(package) for found in imports(*item)]

    assert found
    assert [str(one) for one in found if not allowed(one)] == []


@pytest.mark.slow
@pytest.mark.parametrize("place", MAY_IMPORT_LATE)
def test_no_late_import_is_allowed_in_vain(place: str) -> None:
    late = {found.name for found in all_imports() if found.is_late and found.file.startswith(place)}

    assert late >= MAY_IMPORT_LATE[place]


@pytest.mark.parametrize(
    ("file", "source", "reason"),
    [
        ("ghost_torch/layers.py", "import ghost_jax", "imports ghost_jax"),
        ("ghost_jax/layers.py", "from torch import nn", "imports torch"),
        ("ghost_tf/layers.py", "import conformance.judging.bounds", "imports conformance"),
        ("ghost_tf/layers.py", "from . import resnet", "imports a relative name"),
        ("weights/files/file.py", "def f():\n import torch", "imports torch inside a function"),
        ("weights/importers/layouts/timm.py", "import torch", "imports torch"),
        ("conformance/cases/digits.py", "if True:\n import sklearn", "imports sklearn"),
        ("conformance/cases/layers.py", "import scipy", "imports scipy"),
    ],
)
def test_a_forbidden_import_is_found(file: str, source: str, reason: str) -> None:
    assert refused(source, file) == [f"{file} {reason}"]


def test_only_the_plug_imports_by_name() -> None:
    calls = {
        file
        for package in MAY_IMPORT
        for file, tree in sources(package)
        for node in ast.walk(tree)
        if getattr(node, "attr", getattr(node, "id", "")) in ("import_module", "__import__")
    }

    assert calls == IMPORTS_BY_NAME


def private_imports(file: str, tree: ast.AST) -> list[str]:
    """The names that a file takes although the file which has them keeps them to itself."""
    return [
        f"{file} imports {alias.name} of {node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MAY_IMPORT
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_nobody_imports_what_a_file_keeps_to_itself(package: str) -> None:
    assert [each for item in sources(package) for each in private_imports(*item)] == []


def test_a_private_import_is_found() -> None:
    tree = ast.parse("from weights.hub import _read, fetch\nfrom torch.nn import _reduction")

    assert private_imports("a.py", tree) == ["a.py imports _read of weights.hub"]


def folders() -> list[str]:
    """Every folder of the packages and of their tests that holds code."""
    places = [REPOSITORY / place for place in (*MAY_IMPORT, "tests")]
    found = {path.parent for place in places for path in place.rglob("*.py")}
    return sorted(folder.relative_to(REPOSITORY).as_posix() for folder in found)


@pytest.mark.parametrize("folder", folders())
def test_a_folder_holds_few_files(folder: str) -> None:
    files = list((REPOSITORY / folder).glob("*.py"))

    assert 0 < len(files) <= LARGEST_FOLDER


def arithmetic(tree: ast.AST) -> list[str]:
    """Expressions that divide, take a remainder or round."""
    return [ast.unparse(node) for node in ast.walk(tree) if is_arithmetic(node)]


def is_arithmetic(node: ast.AST) -> bool:
    match node:
        case (
            ast.BinOp(op=ast.FloorDiv() | ast.Mod()) | ast.AugAssign(op=ast.FloorDiv() | ast.Mod())
        ):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in ROUNDING
    return False


def test_channels_and_padding_are_reckoned_in_weights() -> None:
    found = {
        expression
        for column in COLUMNS
        for _, tree in sources(column)
        for expression in arithmetic(tree)
    }

    assert found == set(OWN_ARITHMETIC)


@pytest.mark.parametrize(
    "source", ["kernel_size // 2", "c_out % ratio", "math.ceil(c_out / ratio)", "c_out //= 2"]
)
def test_reckoning_in_a_column_is_found(source: str) -> None:
    assert arithmetic(ast.parse(source)) == [source]
