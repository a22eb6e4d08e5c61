"""Merged reports: as if the run had never been shared, and what cannot be merged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance import Status, Verdict
from conformance.cases.case import pair_id
from conformance.commands.cli import main
from conformance.commands.merging import merge
from conformance.implementations.registry import code_of
from conformance.reports.files import BADGE, HTML, JUNIT, SUMMARY
from conformance.reports.report import LINES, Report, make_report, read_report, write_lines
from conformance.running.results import Run
from conformance.running.shards import Shard
from conformance.running.tasks import Work
from conformance.tiers import ExactTier, WeightsTier
from weights import ArgumentError

NAMES = ("mine", "yours")
WORK: Work = [(tier, tier.cases()[:9]) for tier in (ExactTier(), WeightsTier())]
VERSIONS: dict[str, dict[str, str]] = {"mine": {"numpy": "2"}, "yours": {}}
COMMAND = "ghost-conformance merge"


def verdicts(work: Work) -> list[Verdict]:
    """The verdicts of a run of this work in their order: cases, pairs, an unneeded deviation."""
    _, weights = work
    found = [
        Verdict(Status.FAIL if case.id == WORK[0][1][3].id else Status.PASS, 0.0, "wrong",
                case=case.id, tier=tier.name, implementation=name)
        for name in NAMES
        for tier, cases in work
        for case in cases
    ]  # fmt: skip
    found += [
        Verdict(Status.PASS, case=pair_id(case.id, writer), tier="weights", implementation=reader)
        for case in weights[1]
        for writer in NAMES
        for reader in NAMES
    ]
    return [*found, Verdict(Status.ERROR, case="gone", tier="exact", implementation="yours")]


def run_of(work: Work, shard: Shard | None = None) -> Run:
    outputs = dict.fromkeys(NAMES, (3.0, 1.0))
    return Run(verdicts(work), VERSIONS, 2.0, outputs=outputs,
               shard=shard)  # fmt: skip


def write_shards(folder: Path, count: int = 3) -> list[Path]:
    """The folders of the shards of a run."""
    shards = [Shard(index, count) for index in range(1, count + 1)]
    for shard in shards:
        report = make_report(run_of(shard.of(WORK), shard), WORK, code=code_of(["oracle"]))
        written(folder / str(shard.index), report)
    return [folder / str(shard.index) for shard in shards]


def written(folder: Path, report: Report) -> None:
    folder.mkdir()
    write_lines(folder / LINES, report)


def changed(folder: Path, **changes: Any) -> None:
    """The report of a folder with another header."""
    lines = (folder / LINES).read_text().splitlines(keepends=True)
    lines[0] = json.dumps(json.loads(lines[0]) | changes) + "\n"
    (folder / LINES).write_text("".join(lines))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["merge", *map(str, arguments)])


def test_merged_verdicts_are_those_of_one_run_in_its_order(tmp_path: Path) -> None:
    paths = [folder / LINES for folder in write_shards(tmp_path)]
    run, report = merge([(path, read_report(path)) for path in reversed(paths)], COMMAND)
    whole = make_report(run_of(WORK), WORK, code=code_of(["oracle"]), command=COMMAND)

    assert run.verdicts == report.verdicts == whole.verdicts
    assert report.cases == whole.cases
    assert list(report.cases) == list(whole.cases)
    timeless = {"started": "", "seconds": 0.0, "outputs": {}, "effort": []}
    assert report.header | timeless == whole.header | timeless
    assert report.footer | timeless == whole.footer | timeless


def test_every_file_of_a_merged_report_is_written(tmp_path: Path) -> None:
    result = invoke(*write_shards(tmp_path), "--report", tmp_path / "all")

    assert result.exit_code == 1
    assert "2 failed, 1 error" in result.output
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        BADGE,
        JUNIT,
        HTML,
        LINES,
        SUMMARY,
    ]


def test_a_tier_that_was_hardly_judged_is_said_of_all_shards_together(tmp_path: Path) -> None:
    exact = WORK[0][0]
    work: Work = [(exact, WORK[0][1][:4])]
    for index in (1, 2, 3, 4):
        shard = Shard(index, 4)
        ((_, cases),) = shard.of(work)
        status = Status.PASS if index == 1 else Status.SKIP
        found = [Verdict(status, case=c.id, tier="exact", implementation="mine") for c in cases]
        run = Run(found, {"mine": {}}, 1.0, shard=shard, outputs={"mine": (0.0, 0.0)})
        report = make_report(run, work)
        assert report.footer["not_green"] == []
        written(tmp_path / str(index), report)

    folders = [tmp_path / str(index) for index in (1, 2, 3, 4)]
    result = invoke(*folders, "--report", tmp_path / "all")

    assert result.exit_code == 3
    assert "mine judged by 1 of 4 cases of tier exact" in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"numpy": "1.0"}, "of different runs, with other versions: `numpy` is "),
        ({"implementations": {"mine": {"numpy": "3"}}}, "other versions: `implementations` is "),
        ({"machine": "abacus"}, "with other machines: `machine` is "),
        ({"commit": "0123"}, "with other commits: `commit` is "),
        ({"code": {"oracle": "0123"}}, "with other code: `code` is "),
        ({"settings": {"random": 5}}, "with other options: `settings` is "),
        (
            {"shard": {"index": 2, "count": 3, "cases": {"exact": ["a"]}}},
            "with other options: `cases` is ",
        ),
        (
            {"shard": {"index": 2, "count": 4, "cases": {t.name: [c.id for c in own]
                                                         for t, own in WORK}}},
            "with other options: `count` is 3 and 4",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)  # fmt: skip
def test_shards_of_different_runs_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    folders = write_shards(tmp_path)
    changed(folders[1], **changes)
    result = invoke(*folders, "--report", tmp_path / "all")

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "all").exists()


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    result = invoke(*write_shards(tmp_path, 4)[1:3], "--report", tmp_path / "all")

    assert result.exit_code == 2
    assert "needs every shard, got none that is 1/4, 4/4" in " ".join(result.output.split())


def test_a_shard_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    first, second, _ = write_shards(tmp_path)
    result = invoke(first, second, first / LINES, "--report", tmp_path / "all")

    assert result.exit_code == 2
    assert "shard 1/3 is there twice" in " ".join(result.output.split())


def test_a_torn_shard_is_refused(tmp_path: Path) -> None:
    folders = write_shards(tmp_path)
    path = folders[2] / LINES
    path.write_bytes(path.read_bytes()[:-40])
    result = invoke(*folders, "--report", tmp_path / "all")

    assert result.exit_code == 2
    assert "is cut short" in " ".join(result.output.split())


def test_the_report_of_a_whole_run_is_no_shard(tmp_path: Path) -> None:
    report = make_report(run_of(WORK), WORK)

    with pytest.raises(ArgumentError, match="is the report of a whole run"):
        merge([(Path("one"), report)], COMMAND)


def test_no_shard_is_written_over(tmp_path: Path) -> None:
    folders = write_shards(tmp_path)
    before = (folders[0] / LINES).read_bytes()
    result = invoke(*folders, "--report", folders[0])

    assert result.exit_code == 2
    assert (folders[0] / LINES).read_bytes() == before


def test_what_ended_early_or_raised_in_one_shard_did_so_in_the_run() -> None:
    shards = [Shard(index, 2) for index in (1, 2)]
    runs = [replace(run_of(shard.of(WORK), shard)) for shard in shards]
    runs[0] = replace(runs[0], was_stopped=True, violations={"mine": ("it imported the oracle",)})
    runs[1] = replace(runs[1], tracebacks=["Traceback"])
    given = [(Path(str(run.shard)), make_report(run, WORK)) for run in runs]
    run, report = merge(given, COMMAND)

    assert (run.was_stopped, run.tracebacks) == (True, ["Traceback"])
    assert run.violations == {"mine": ("it imported the oracle",)}
    assert report.footer["was_stopped"]
    assert "mine: it imported the oracle" in report.footer["not_green"]
    assert "the harness itself failed" in report.footer["not_green"]
