"""A run ends well or says why: a tier that raises, an interrupt, files that are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from conformance import Case, Outcome, Status, Verdict
from conformance.cases.model import plain_weights
from conformance.commands.cli import main
from conformance.implementations.process import ProcessImplementation
from conformance.reports.report import read_report
from conformance.running.results import Run
from conformance.running.runner import run
from conformance.running.tasks import select_cases
from conformance.tiers import NetworkTier, Settings, WeightsTier
from weights import FormatError, write_file
from weights.files.storage import write_safetensors

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
FAKE = "tests.conformance.fakes:Fake"
PATIENCE = 300.0
# `python -m conformance` that hears interrupts: a shell has its background jobs ignore them. One
# that does not end says where it waits.
HEARING = """
import faulthandler, runpy, signal
faulthandler.dump_traceback_later(45, exit=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("conformance", run_name="__main__", alter_sys=True)
"""


class Scripted:
    """A tier of three cases; it raises `error` in the second, or at its end."""

    name = "scripted"

    def __init__(self, error: Exception | None = None, at_end: Exception | None = None) -> None:
        self.error = error
        self.at_end = at_end

    def cases(self) -> list[Case]:
        return [Case(name, self.name, "ghost_conv", {}, (), "") for name in "abc"]

    def judge(self, case: Case, process: ProcessImplementation) -> Outcome:
        if case.id == "b" and self.error is not None:
            raise self.error
        return Outcome.passed()

    def finish(
        self, processes: Mapping[str, ProcessImplementation], cases: Sequence[Case]
    ) -> Iterator[Verdict]:
        for name in processes:
            yield Verdict(Status.PASS, case="pair", tier=self.name, implementation=name)
        if self.at_end is not None:
            raise self.at_end


def run_scripted(tier: Scripted) -> Run:
    return run([FAKE], select_cases([tier], None), lambda verdict: None, jobs=1)


def test_a_tier_that_raises_is_an_error_of_its_case_and_the_run_goes_on() -> None:
    result = run_scripted(Scripted(KeyError("layer1")))
    assert [(v.case, v.status) for v in result.verdicts] == [
        ("a", Status.PASS), ("b", Status.ERROR), ("c", Status.PASS), ("pair", Status.PASS)
    ]  # fmt: skip
    assert result.verdicts[1].message == "the harness itself failed: KeyError: 'layer1'"
    assert "in judge" in result.tracebacks[0]


def test_a_tier_that_raises_at_its_end_keeps_what_was_found() -> None:
    result = run_scripted(Scripted(at_end=OSError("disk full")))
    assert [verdict.case for verdict in result.verdicts] == ["a", "b", "c", "pair"]
    assert "OSError: disk full" in result.tracebacks[0]


def test_files_that_a_tier_refuses_end_the_run() -> None:
    with pytest.raises(FormatError, match="no network"):
        run_scripted(Scripted(FormatError("no network")))


def test_a_tier_that_raises_is_exit_code_3_with_table_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.tiers.exact.ExactTier.judge", _raise)
    case = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers"
    arguments = ["--tier", "exact", "--case", case, "--report", str(tmp_path)]
    result = CliRunner().invoke(main, ["run", "--implementation", FAKE, *arguments])
    assert result.exit_code == 3
    assert "the harness itself failed, see above" in result.output
    assert read_report(tmp_path / "report.jsonl").footer["counts"]["error"] == 1
    ElementTree.parse(tmp_path / "junit.xml")


@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "parent_only"])
def test_an_interrupt_ends_the_run_without_the_remaining_cases(
    whole_group: bool, tmp_path: Path
) -> None:
    marker = tmp_path / "started"
    command = [sys.executable, "-c", HEARING, "run", "--tier", "module"]
    command += ["--implementation", "tests.conformance.fakes:Slow"]
    environment = {**os.environ, "SLOW_STARTED": str(marker)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        _wait_for(marker)
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 3
    assert "interrupted: no report was written" in output


def _raise(*_: object) -> Outcome:
    raise RuntimeError("\x1b out of order")


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            pytest.fail(f"{path.name} did not appear")
        time.sleep(0.02)


def test_a_save_that_writes_no_file_is_the_implementations_error() -> None:
    tier = WeightsTier()
    processes = {"fake": ProcessImplementation("tests.conformance.fakes:SavesNothing")}
    with closing(processes["fake"]):
        (verdict,) = tier.finish(processes, tier.cases()[:1])
    assert (verdict.status, verdict.message) == (Status.ERROR, "its save wrote no file")


def network_tier(tmp_path: Path) -> NetworkTier:
    """The tier with an untrained network and one black image."""
    weights, images = tmp_path / "weights.safetensors", tmp_path / "images.safetensors"
    settings = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5] * 3, "std": [0.25] * 3}
    plain = plain_weights("ghost_resnet20", {})
    write_file(weights, "ghost_resnet20", {}, plain, preprocess=settings)
    arrays = {"images": np.zeros((1, 8, 8, 3), np.uint8), "labels": np.zeros(1, np.int64)}
    write_safetensors(images, arrays, {"about": "nothing"})
    return NetworkTier(Settings(weights=weights, images=images))


def test_logits_of_another_shape_fail_the_predictions(tmp_path: Path) -> None:
    tier = network_tier(tmp_path)
    with closing(ProcessImplementation("tests.conformance.fakes:TapsOneLogit")) as process:
        message = tier.judge(tier.cases()[-1], process).message
    assert message == "the output has shape (1,), wanted (1, 10)"


def test_stages_that_are_not_given_are_skipped(tmp_path: Path) -> None:
    tier = network_tier(tmp_path)
    with closing(ProcessImplementation("tests.conformance.fakes:TapsNothing")) as process:
        outcomes = [tier.judge(case, process) for case in tier.cases()]
    stages = ("stem", "layer1", "layer2", "layer3", "logits")
    assert {each.status for each in outcomes} == {Status.SKIP}
    assert {each.message for each in outcomes} == {
        f"it gives no {stage}, only middle" for stage in stages
    }
