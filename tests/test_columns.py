"""The four columns read side by side: same files, names, order, parameters and statements.

A file that the oracle has not, for it is no framework, is compared with that of ghost_torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.deviations import DEVIATIONS, INTERFACES, OWN_BODIES, OWN_DEFINITIONS, OWN_FILES
from tests.skeleton import Skeleton, differences
from weights.frameworks import PACKAGES

REPOSITORY = Path(__file__).resolve().parents[1]
ORACLE = REPOSITORY / "conformance" / "oracle"
COLUMNS = (ORACLE, *(REPOSITORY / name for name in PACKAGES))


def files_of(column: Path) -> set[str]:
    """The files of a column by their path in it, without those that it alone has."""
    files = {path.relative_to(column) for path in column.rglob("*.py")}
    return {
        file.as_posix()
        for file in files
        if not any((column.name, part) in OWN_FILES for part in file.parts)
    }


ORACLES = files_of(ORACLE)
FILES = sorted(ORACLES | files_of(REPOSITORY / PACKAGES[0]))

in_every_framework = pytest.mark.parametrize("framework", PACKAGES)
in_every_file = pytest.mark.parametrize("file", FILES)

# (file, what stands there, what it drifts to, a line that convicts it)
DRIFTS = [
    ("__init__.py", '    "set_state",\n', "", "- __all__ ="),
    ("ghost_conv.py", "kernel_size: Size = 1", "kernel: Size = 1", "+ def GhostConv.__init__("),
    ("ghost_conv.py", "ratio: float = 2", "ratio: float = 3", "+ def GhostConv.__init__("),
    ("ghost_conv.py", "        *,\n", "", "+ def GhostConv.__init__("),
    ("ghost_conv.py", "self.c_int =", "self.c_primary =", "+ GhostConv._set_up: self.c_primary ="),
    ("ghost_conv.py", '"ghost_conv"', '"ghost"', "+ GhostConv.architecture = 'ghost'"),
    ("ghost_conv.py", "Ghost convolution (", "Convolution (", "+ class GhostConv: Convolution ("),
    ("networks/resnet.py", "def _stage(", "def _part(", "+ def _part(plan, name)"),
    ("ghost_conv.py", "if self.cheap_conv is not", "if None is not", "+ GhostConv.call: if None"),
    ("attention.py", "        x = norm(conv(x))", "        y = norm(conv(x))", "+ dfc_gate:   y ="),
    ("branches.py", "    norm = (eps, momentum)\n", "", "- add_branches: norm ="),
    ("networks/ghostnet.py", "version = 2", "version = 3", "+ GhostNetV2.version = 3"),
    ("networks/network.py", "def stages(", "def outputs(", "+ def Network.outputs(self, x)"),
    ("yolo.py", "self.cv3 =", "self.cv4 =", "+ C3Ghost._set_up: self.cv4 ="),
    ("variants.py", "def ghostnet_130", "def ghostnet_150", "+ def ghostnet_150("),
    ("networks/basic_block.py", "        self.block = block\n", "", "- BasicBlock.__init__: s"),
    ("networks/vgg.py", "    @property\n", "", "+ def Features.first_norm(self)"),
    ("networks/resnet.py", "depth = 20", "depth = 56", "+ GhostResNet20.depth = 56"),
    ("networks/resnet.py", "x = block(x)", "y = block(x)", "+ GhostResNet._steps:     y ="),
    ("weights_io.py", "    facts = staticmethod(facts)\n", "", "- Framework.facts ="),
    ("weights_io.py", "def make(self, arch", "def make(self, a", "+ def Framework.make(self, a"),
    ("layers.py", "def convolution(plan", "def convolution(it", "+ def convolution(it)"),
    ("adapter.py", "def versions(", "def version(", "+ def version("),
]  # fmt: skip


def lines(path: Path) -> list[str]:
    reader = Skeleton(OWN_DEFINITIONS, OWN_BODIES, is_interface=path.name in INTERFACES)
    return reader.lines(path.read_text())


def model(file: str) -> Path:
    """The file that the other columns' are compared with."""
    return (ORACLE if file in ORACLES else REPOSITORY / PACKAGES[0]) / file


def changed(path: Path, file: str) -> Counter[str]:
    """What a file of another column has otherwise."""
    return Counter(differences(lines(model(file)), lines(path)))


def explained(place: str) -> Counter[str]:
    """What the table says of it."""
    texts = DEVIATIONS.get(place, {}).values()
    return Counter(line.strip() for text in texts for line in text.strip().splitlines())


@cache
def definitions(column: Path) -> set[str]:
    """The names under which `OWN_DEFINITIONS` knows what a column defines."""
    files = [column / file for file in FILES if (column / file).exists()]
    facts = [fact for file in files for fact in Skeleton().lines(file.read_text())]
    names = (fact.split(" ")[1] for fact in facts if fact.startswith(("def ", "class ")))
    bare = {name.partition("(")[0].removesuffix(":") for name in names}
    return {f".{name.partition('.')[2]}" if "." in name else name for name in bare}


def bodies(file: Path, function: str) -> list[str]:
    """The statements of a function."""
    facts = Skeleton(OWN_DEFINITIONS).lines(file.read_text())
    return [fact for fact in facts if fact.startswith(f"{function}: ")]


@in_every_framework
def test_every_framework_has_the_same_files(framework: str) -> None:
    assert files_of(REPOSITORY / framework) == set(FILES)


@pytest.mark.parametrize(("column", "file"), OWN_FILES)
def test_a_file_of_one_column_is_there(column: str, file: str) -> None:
    folder = ORACLE if column == "oracle" else REPOSITORY / column

    assert (folder / file).exists()


@in_every_framework
@in_every_file
def test_a_file_reads_like_that_of_another_column(framework: str, file: str) -> None:
    place = f"{framework}/{file}"
    unexplained = changed(REPOSITORY / place, file) - explained(place)

    assert "\n".join(unexplained) == ""


@pytest.mark.parametrize("place", DEVIATIONS)
def test_no_deviation_is_superfluous(place: str) -> None:
    file = place.partition("/")[2]
    superfluous = explained(place) - changed(REPOSITORY / place, file)

    assert "\n".join(superfluous) == ""


@pytest.mark.parametrize("name", OWN_DEFINITIONS)
def test_a_definition_left_out_is_one_that_not_every_column_has(name: str) -> None:
    owners = [column for column in COLUMNS if name in definitions(column)]

    assert 0 < len(owners) < len(COLUMNS)


@pytest.mark.parametrize("function", OWN_BODIES)
def test_a_body_left_out_differs_from_that_of_the_oracle(function: str) -> None:
    file = next(file for file in ORACLES if bodies(ORACLE / file, function))
    wanted, *others = (bodies(column / file, function) for column in COLUMNS)

    assert any(other != wanted for other in others)


@pytest.mark.parametrize("file", INTERFACES)
def test_a_file_compared_by_its_interface_differs_inside(file: str) -> None:
    wanted, *others = (Skeleton(OWN_DEFINITIONS).lines((c / file).read_text()) for c in COLUMNS)

    assert all(other != wanted for other in others)


@pytest.mark.parametrize(("file", "old", "new", "conviction"), DRIFTS)
def test_a_drifted_copy_is_convicted(
    tmp_path: Path, file: str, old: str, new: str, conviction: str
) -> None:
    source, copy = model(file).read_text(), tmp_path / Path(file).name
    assert old in source
    copy.write_text(source.replace(old, new))

    assert any(line.startswith(conviction) for line in changed(copy, file))


def swapped(items: list[str], i: int, j: int) -> Iterator[str]:
    """The items with two of them in each other's place."""
    exchange = {i: j, j: i}
    return (items[exchange.get(k, k)] for k in range(len(items)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("        self.conv1 =", "        self.bn1 ="),
        ("        self.layer1 =", "        self.layer2 ="),
    ],
)
def test_a_copy_in_another_order_is_convicted(tmp_path: Path, first: str, second: str) -> None:
    source = (ORACLE / "networks/resnet.py").read_text().splitlines(keepends=True)
    i, j = (next(k for k, line in enumerate(source) if line.startswith(s)) for s in (first, second))
    (tmp_path / "resnet.py").write_text("".join(swapped(source, i, j)))

    assert changed(tmp_path / "resnet.py", "networks/resnet.py")


def test_an_exact_copy_is_acquitted() -> None:
    assert [file for file in FILES if changed(model(file), file)] == []
