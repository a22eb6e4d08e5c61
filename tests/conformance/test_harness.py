"""The run, its exit code, its report and its table."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from conformance import Status, Verdict, Worst
from conformance.cli import main
from conformance.implementations import Availability, available
from conformance.process import Implementation
from conformance.report import read_report, write_report
from conformance.runner import Run
from conformance.terminal import describe, rerun, show, table
from conformance.tiers import NetworkTier
from conformance.tiers.contract import plain_weights
from weights import FormatError, GhostError, write_file
from weights.storage import write_safetensors

WORST = Worst((0, 3, 1, 2), 1.5, 1.0, 0.5, 0.25, 2.0)
VERDICTS = [
    Verdict("a", "exact", "ghost_torch", Status.PASS, 0.25),
    Verdict("b", "exact", "ghost_torch", Status.FAIL, 2.0, "1 of 9 wrong", WORST, "padding", 0.5),
    Verdict("a", "exact", "ghost_jax", Status.SKIP, message="no such method"),
    Verdict("b", "exact", "ghost_jax", Status.ERROR, message="no answer within 120 s"),
]
RUN = Run(VERDICTS, {"ghost_torch": {"torch": "2.13.0"}, "ghost_jax": {"jax": "0.10.2"}}, 12.0)
MISSING = [Availability("ghost_tf", ("keras", "tensorflow"))]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def fake(name: str, *more: str) -> Result:
    case = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-normal"
    arguments = ["--implementation", f"tests.conformance.fakes:{name}", "--tier", "module"]
    return invoke("run", *arguments, "--case", case, *more)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Fake", 0, "1 passed"),
        ("Raises", 1, "RuntimeError: out of ideas"),
        ("Exits", 1, "exit code 7"),
        ("Refuses", 0, "0 passed, 1 skipped"),
    ],
)
def test_the_exit_code_says_how_it_went(name: str, code: int, words: str) -> None:
    result = fake(name)
    assert result.exit_code == code
    assert words in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--implementation", "nonsense"], "must be one of ghost_torch, ghost_jax, ghost_tf"),
        (["--tier", "nonsense"], "'nonsense' is not one of"),
        (["--tier", "exact", "--case", "nonsense"], "no case is called 'nonsense'"),
        (["--weights", "a.safetensors"], "`--weights` and `--images` belong together"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], words: str) -> None:
    result = invoke("run", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_an_implementation_that_cannot_be_started_is_wrong_usage() -> None:
    result = fake("NoSuchClass")
    assert result.exit_code == 2
    assert "has no function 'NoSuchClass'" in result.output


def test_list_prints_every_case_of_a_tier() -> None:
    lines = invoke("list", "--tier", "exact").output.splitlines()
    assert "exact  k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers" in lines
    assert all(line.startswith("exact  ") for line in lines)


def test_a_report_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_report(tmp_path, RUN, ["exact"], MISSING)
    report = read_report(tmp_path / "report.jsonl")
    assert report.verdicts == VERDICTS
    assert report.header["implementations"] == RUN.versions
    assert list(report.header["missing"]) == ["ghost_tf"]
    assert report.footer["counts"] == {"pass": 1, "fail": 1, "error": 1, "skip": 1}


def test_a_report_without_its_footer_was_cut_short(tmp_path: Path) -> None:
    write_report(tmp_path, RUN, ["exact"], MISSING)
    path = tmp_path / "report.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(FormatError, match="is cut short"):
        read_report(path)


def test_a_real_run_writes_a_header_with_versions(tmp_path: Path) -> None:
    fake("Fake", "--report", str(tmp_path))
    header = json.loads((tmp_path / "report.jsonl").read_text().splitlines()[0])
    assert {"python", "numpy", "cores", "tiers", "implementations", "missing"} <= header.keys()


def test_junit_tells_four_things_apart(tmp_path: Path) -> None:
    write_report(tmp_path, RUN, ["exact"], MISSING)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    children = {
        (suite.get("name"), case.get("name")): [child.tag for child in case]
        for suite in root
        for case in suite
    }
    assert children == {
        ("ghost_torch", "a"): [],
        ("ghost_torch", "b"): ["failure"],
        ("ghost_jax", "a"): ["skipped"],
        ("ghost_jax", "b"): ["error"],
    }


def test_junit_counts_them(tmp_path: Path) -> None:
    write_report(tmp_path, RUN, ["exact"], MISSING)
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    counts = {suite.get("name"): dict(suite.items()) for suite in suites}
    assert counts["ghost_torch"] == {
        "name": "ghost_torch", "tests": "2", "failures": "1", "errors": "0", "skipped": "0"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["layer", "absent", "unprepared"])
def test_files_that_no_network_can_be_run_from_are_wrong_usage(name: str, tmp_path: Path) -> None:
    text = {
        "layer": "holds a layer, tier network runs a trained network",
        "absent": "cannot read",
        "unprepared": "does not say how images are preprocessed",
    }
    architecture = "ghost_conv" if name == "layer" else "ghost_resnet20"
    config = {"c_in": 2, "c_out": 4} if name == "layer" else {}
    weights, images = tmp_path / "weights.safetensors", tmp_path / "images.safetensors"
    if name != "absent":
        write_file(weights, architecture, config, plain_weights(architecture, config))
    arrays = {"images": np.zeros((1, 8, 8, 3), np.uint8), "labels": np.zeros(1, np.int64)}
    write_safetensors(images, arrays, {"about": "nothing"})
    tier = NetworkTier()
    tier.configure(weights, images)
    with closing(Implementation("oracle")) as process, pytest.raises(GhostError, match=text[name]):
        tier.judge(tier.cases()[0], process)


def test_the_table_shows_counts_ratios_and_what_is_missing() -> None:
    console = Console(record=True, width=120)
    console.print(table(RUN, ["exact"], MISSING))
    text = console.export_text()
    assert "1/2  2.00  1 failed" in text
    assert "0/1  1 errors  1 skipped" in text
    assert "missing" in text


def test_a_failure_shows_element_hint_and_the_command_that_reruns_it() -> None:
    lines = describe(VERDICTS[1]).plain.splitlines()
    assert lines[0] == "FAIL b [exact, ghost_torch]"
    assert lines[1] == "  1 of 9 wrong"
    assert lines[2] == (
        "  worst at [0, 3, 1, 2]: got 1.5, wanted 1.0, error 0.5, allowed 0.25, ratio 2"
    )
    assert lines[3] == "  hint: padding"
    command = "ghost-conformance run --implementation ghost_torch --tier exact --case b"
    assert lines[4] == f"  again: {command}"


def test_a_pair_is_rerun_with_both_implementations() -> None:
    verdict = Verdict("k1-F32-from-ghost_jax", "weights", "ghost_tf", Status.FAIL)
    assert rerun(verdict) == (
        "ghost-conformance run --implementation ghost_tf --implementation ghost_jax "
        "--tier weights --case k1-F32"
    )


def test_a_rerun_names_the_files_that_the_tier_was_given() -> None:
    verdict = Verdict("net-stem", "network", "ghost_tf", Status.FAIL)
    assert rerun(verdict, "--weights a --images b").endswith("net-stem --weights a --images b")


def test_many_failures_are_shown_in_part() -> None:
    run = Run([VERDICTS[1]] * 30, RUN.versions, 1.0)
    console = Console(record=True, width=200)
    show(console, run, ["exact"], [], ["oracle: 440 of 450 images right"], {})
    text = console.export_text()
    assert text.count("FAIL b") == 20
    assert "... and 10 more" in text
    assert "oracle: 440 of 450 images right" in text
    assert "0 passed, 30 failed in 1 s" in text


def test_what_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.implementations.find_spec", lambda name: None)
    assert [state.reason for state in available()] == [
        "torch not installed: pip install torch",
        "jax, flax not installed: pip install jax flax",
        "keras, tensorflow not installed: pip install keras tensorflow",
    ]


def test_with_nothing_installed_the_harness_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.implementations.find_spec", lambda name: None)
    result = invoke("run", "--tier", "exact")
    assert result.exit_code == 3
    assert "nothing ran: install one of the frameworks" in result.output


def test_a_missing_one_asked_for_by_name_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.implementations.find_spec", lambda name: None)
    result = invoke("run", "--implementation", "ghost_jax", "--tier", "exact")
    assert result.exit_code == 2
    assert "ghost_jax is missing" in result.output
