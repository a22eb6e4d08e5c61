"""Prefixes, wrapped classifiers, modules of larger networks, and maps of names."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from tests.timing import soon
from weights import FormatError, GhostError, ImportRefused, MismatchError, configure, read_file
from weights.importers import import_file
from weights.importers.maps import NameMap
from weights.importers.several import import_modules

SMALL = {"width": 0.1, "num_classes": 3}
Tensors = dict[str, np.ndarray]


@pytest.fixture
def network(random_tensors: Callable[..., Any]) -> Tensors:
    """The tensors of a small GhostNet under timm's names."""
    drawn = random_tensors(configure("ghostnet", SMALL))
    return {name.replace("cheap_conv", "cheap_operation"): x for name, x in drawn.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "net.", "student.ema.module.", "0."])
def test_a_prefix_of_all_names_is_found_and_recorded(
    save: Callable[..., Path], network: Tensors, prefix: str
) -> None:
    path = save({prefix + name: array for name, array in network.items()})

    assert import_file(path, "timm").source.get("prefix", "") == prefix


def test_a_part_that_all_names_share_stays_where_the_module_has_it(
    save: Callable[..., Path], random_tensors: Callable[..., Any]
) -> None:
    layer = random_tensors(configure("ghost_conv", {"c_in": 4, "c_out": 8, "ratio": 1}))

    assert "prefix" not in import_file(save(layer), "seed").source


@pytest.mark.parametrize("importer", ["timm", "huawei"])
def test_a_wrapped_classifier_is_the_classifier(
    save: Callable[..., Path], network: Tensors, importer: str
) -> None:
    path = save({n.replace("classifier.", "classifier.1."): x for n, x in network.items()})

    imported = import_file(path, importer)

    assert imported.config["num_classes"] == 3
    assert imported.source["renamed"]["classifier.bias"] == "classifier.1.bias"


def test_a_classifier_of_another_network_is_reported_as_it_stands_in_the_file(
    save: Callable[..., Path], network: Tensors
) -> None:
    path = save({n.replace("classifier.", "fc."): x for n, x in network.items()})

    with pytest.raises(MismatchError) as caught:
        import_file(path, "timm")

    assert "unexpected tensor 'fc.weight'" in str(caught.value)
    assert "linear" not in str(caught.value)


def test_two_modules_are_a_choice_by_path(save: Callable[..., Path], network: Tensors) -> None:
    both = {f"{who}.{name}": x for who in ("student", "teacher.net") for name, x in network.items()}
    path = save(both)

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "timm")
    imported = import_file(path, "timm", module="teacher.net")

    words = "holds modules at student, teacher.net: choose one with --module PATH"
    assert str(caught.value) == f"{path} {words}"
    assert imported.source["prefix"] == "teacher.net."
    assert imported.source["dropped"] == {"tensors outside teacher.net": len(network)}


def test_a_module_that_is_absent_is_refused(save: Callable[..., Path], network: Tensors) -> None:
    path = save({f"student.{name}": x for name, x in network.items()})

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "timm", module="teacher")

    words = "has no module at 'teacher', its names begin with student"
    assert str(caught.value) == f"{path} {words}"


MAP = """
[names]
"stem.**" = "conv_stem.**"
"aux.**" = ""
"body.*.*.**" = "blocks.*.*.**"
"""


@pytest.fixture
def foreign(save: Callable[..., Path], network: Tensors) -> Path:
    """A checkpoint with names of its own."""
    renamed = {
        name.replace("conv_stem", "stem").replace("blocks.", "body."): array
        for name, array in network.items()
    }
    return save(renamed | {"aux.weight": np.ones((1, 1), np.float32)})


def test_a_map_makes_known_names_of_foreign_ones(
    foreign: Path, tmp_path: Path, run: Callable[..., Result], network: Tensors
) -> None:
    (tmp_path / "map.toml").write_text(MAP)

    result = run(
        "import", "--from", "timm", "--map", tmp_path / "map.toml", foreign, "-o", tmp_path / "out"
    )

    assert result.exit_code == 0
    assert "dropped: 1 tensors that the map leaves out" in result.stdout
    np.testing.assert_array_equal(
        read_file(tmp_path / "out").tensors["conv_stem.weight"], network["conv_stem.weight"]
    )


def test_a_dry_run_shows_every_name_and_writes_nothing(
    foreign: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    (tmp_path / "map.toml").write_text(MAP.replace('"body.*.*.**"', '"other.*.*.**"'))
    arguments = ["import", "--from", "timm", "--map", tmp_path / "map.toml", "--dry-run", foreign]

    result = run(*arguments)

    assert result.exit_code == 1
    assert "stem.weight -> conv_stem.weight (4, 3, 3, 3)" in result.stdout
    assert "aux.weight -> left out" in result.stdout
    assert "body.0.0.ghost1.primary_conv.0.weight (2, 4, 1, 1)" in result.stdout
    assert result.stderr.startswith(f"Error: {foreign}: no name is for the rules 'other.*.*.**'")
    (tmp_path / "map.toml").write_text(MAP)
    assert "would be ghostnet, 432 tensors" in run(*arguments).stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("names", "is no TOML file: "),
        ("[name]\n", "must hold one table, [names], of rules such as "),
        ("[names]\na = 3\n", "must hold one table, [names], of rules such as "),
        ('[names]\n"a.*" = "b.**"\n', "a new name must have the stars of the old one, in their "),
    ],
)
def test_a_map_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "map.toml").write_text(text)

    with pytest.raises(FormatError) as caught:
        NameMap.read(tmp_path / "map.toml")

    assert words in str(caught.value)


def test_a_map_that_gives_two_tensors_one_name_is_refused(foreign: Path) -> None:
    with pytest.raises(ImportRefused, match=r"the map gives 'body.* and 'body.* one name, 'x'"):
        import_file(foreign, "timm", names=NameMap((("body.*.*.*.bias", "x"), ("body.**", "x"))))


def test_a_map_that_changes_no_name_is_refused(foreign: Path) -> None:
    with pytest.raises(
        ImportRefused,
        match=r"no name is for the rules 'boby.\*\*' of the map .*, they begin with aux, bn1, body",
    ):
        import_file(foreign, "timm", names=NameMap((("boby.**", "**"),)))


def test_a_rule_that_holds_for_no_name_is_told_beside_others(foreign: Path) -> None:
    rules = (("body.**", "blocks.**"), ("auxx.**", ""), ("body.0.**", ""))

    with pytest.raises(ImportRefused, match=r"rules 'auxx\.\*\*', 'body\.0\.\*\*' of the map"):
        import_file(foreign, "timm", names=NameMap(rules))


@pytest.mark.parametrize(("name", "value"), [("bn1.running_var", -1.0), ("conv_head.bias", np.nan)])
def test_numbers_that_no_trained_module_has_are_refused_unless_they_are_asked_for(
    save: Callable[..., Path], network: Tensors, name: str, value: float
) -> None:
    network[name][1] = value
    path = save(network)

    with pytest.raises(FormatError, match=rf"tensor '{name}' has {value} at \[1\], which is"):
        import_file(path, "timm")
    taken = import_file(path, "timm", allow_invalid=True)
    np.testing.assert_array_equal(taken.tensors[name], network[name])


def many(name: str) -> Tensors:
    kernel = np.zeros((1, 1), np.float32)
    return {name.format(number): kernel for number in range(20_000)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a{}.ghost1.w", "." * 90 + "{}", "classifier.{}.weight", "a." * 50 + "{}"]
)
@pytest.mark.parametrize("read", [import_file, import_modules])
def test_names_without_end_are_refused_at_once(
    tmp_path: Path, name: str, read: Callable[..., Any]
) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(many(name), protocol=4))

    with soon(), pytest.raises(GhostError):
        read(tmp_path / "a.pkl", "timm")


def test_every_module_of_a_larger_network_is_taken_once(
    save: Callable[..., Path], network: Tensors, random_tensors: Callable[..., Any]
) -> None:
    layer = random_tensors(configure("ghost_conv", {"c_in": 4, "c_out": 8, "split": "ceil"}))
    named = {n.replace("cheap_conv", "cheap_operation"): x for n, x in layer.items()}
    both = {f"body.{n}": x for n, x in network.items()} | {
        f"neck.0.{n}": x for n, x in named.items()
    }
    broken = {"neck.1.primary_conv.0.weight": np.zeros((3, 4, 1), np.float32)}

    several = import_modules(save(both | broken), "timm")

    kinds = {path: imported.architecture for path, imported in several.found.items()}
    assert kinds == {"body": "ghostnet", "neck.0": "ghost_conv"}
    assert list(several.left) == ["neck.1"]


def test_each_module_gets_a_file_inside_the_folder_whatever_its_name(
    save: Callable[..., Path], network: Tensors, tmp_path: Path, run: Callable[..., Result]
) -> None:
    path = save({f"../up.{name}": x for name, x in network.items()})

    result = run("import", "--from", "timm", "--module", "*", path, "-o", f"{tmp_path}/out/")

    assert result.exit_code == 0
    assert [each.name for each in (tmp_path / "out").iterdir()] == [".._up.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-o", "{folder}/foreign.safetensors/"], 1, "Error: cannot make the folder "),
        (["--gate", "clip01", "-o", "{folder}/out"], 2, "takes no --architecture, --gate or"),
        (["--dry-run", "-o", "{folder}/out"], 0, "a: ghostnet, 432 tensors"),
    ],
)
def test_every_module_is_asked_for_with_what_has_a_meaning(
    save: Callable[..., Path], network: Tensors, tmp_path: Path, run: Callable[..., Result],
    arguments: list[str], code: int, words: str,
) -> None:  # fmt: skip
    path = save({f"a.{name}": x for name, x in network.items()})
    given = [each.format(folder=tmp_path) for each in arguments]

    result = run("import", "--from", "timm", "--module", "*", path, *given)

    assert (result.exit_code, words in result.output) == (code, True)
    assert [each.name for each in tmp_path.iterdir()] == ["foreign.safetensors"]
