"""The measuring and judging of benchmarks; no timing is asserted."""

from __future__ import annotations

import importlib
import io
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks import report, roofline, runtime_artefacts, runtime_rows
from benchmarks.__main__ import main
from benchmarks.growth_plot import plot_growth
from benchmarks.measure import Row, interleaved
from benchmarks.runtime_plot import BEGIN, END, PAGE, plot_runtimes, write_page
from benchmarks.shapes import Shape, layer_shapes
from benchmarks.targets import AT_LEAST, AT_MOST, Target, targets

CASE = "1x1 32->64 @56 ratio 2 batch 1"


def row(framework: str, candidate: str, value: float) -> Row:
    return Row(framework, "layer", CASE, "forward", candidate, value, 0.0)


def test_candidates_take_turns() -> None:
    order: list[str] = []
    candidates = {name: lambda name=name: order.append(name) for name in "ab"}

    found = interleaved(candidates, quick=True)

    assert list(found) == ["a", "b"]
    assert "".join(order).endswith("ababab")


@pytest.mark.parametrize(
    ("better", "met"), [pytest.param(AT_LEAST, False), pytest.param(AT_MOST, True)]
)
def test_a_target_is_judged_by_its_worst_case(better: str, met: bool) -> None:
    target = Target("x", better, 2.0, {"one": 1.0, "two": 1.5, "three": 1.75})

    assert target.worst == (("one", 1.0) if better == AT_LEAST else ("three", 1.75))
    assert target.median == 1.5
    assert target.is_met is met


def test_a_ratio_is_of_rows_of_one_framework() -> None:
    rows = [row("jax", "naive", 8.0), row("jax", "ours", 1.0), row("torch", "ours", 100.0)]

    (target,) = targets(rows)

    assert target.ratios == {CASE: 8.0}
    assert target.is_met


def test_without_rows_there_are_no_targets() -> None:
    assert targets([]) == []


def test_what_got_slower_is_told_by_its_ratio_to_the_plain_convolution() -> None:
    earlier = [row("jax", "plain deployed", 1.0), row("jax", "ours", 1.0)]
    # A slower machine, on which ours alone got slower than that.
    now = [row("jax", "plain deployed", 3.0), row("jax", "ours", 6.0)]
    stream = io.StringIO()

    report.compare(Console(file=stream, width=200), now, earlier)

    assert f"slower: jax layer {CASE} forward ours: 1.00 -> 2.00" in stream.getvalue()
    assert "1 of 2 rows slower" in stream.getvalue()


def test_results_read_back_and_are_plotted(tmp_path: Path) -> None:
    rows = [row("jax", "naive", 8.0), row("jax", "ours", 1.0)]

    report.plot(rows, tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {"layers.png", "layers.svg"}


def grown(power: float) -> list[Row]:
    counts = (500, 1000, 4000)
    return [
        Row("torch", "growth", f"custom of {count} tensors", "load", name, count**power, 0.0)
        for count in counts
        for name in ("time", "memory")
    ]


@pytest.mark.parametrize(("power", "met"), [(1.0, True), (2.0, False)])
def test_what_grows_faster_than_the_tensors_misses_its_target(power: float, met: bool) -> None:
    time, memory = targets(grown(power))

    assert time.ratios == {"torch, load": pytest.approx(power)}
    assert time.is_met is memory.is_met is met


def test_what_grows_is_plotted(tmp_path: Path) -> None:
    plot_growth(grown(1.0), tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {"growth.png", "growth.svg"}


def test_a_median_counts_where_it_is_the_target() -> None:
    target = Target("x", AT_LEAST, 1.5, {"one": 1.0, "two": 1.5, "three": 1.75}, of_median=True)

    assert target.is_met


def test_the_roofline_is_the_larger_of_bytes_and_products() -> None:
    shape = Shape(64, 64, 3, 56)
    products, elements = 56 * 56 * 64 * 64 * 9, 2 * 64 * 56 * 56 + 64 * 64 * 9 + 64

    assert roofline.least(shape, "plain", 1e30, 1e9) == pytest.approx(products / 1e6)
    assert roofline.least(shape, "plain", 1e9, 1e30) == pytest.approx(elements * 4 / 1e6)


def test_a_quick_run_has_every_kernel_once() -> None:
    assert len(layer_shapes(quick=True)) == 6
    assert len(layer_shapes(quick=False)) == 24


@pytest.mark.parametrize("ratio", [2, 4])
def test_one_buffer_holds_what_the_layer_computes(ratio: int) -> None:
    torch = pytest.importorskip("torch")
    rows = importlib.import_module("benchmarks.torch_rows")
    layer = importlib.import_module("ghost_torch").GhostConv(8, 16, ratio=ratio).eval()
    x = rows.last_of(torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(0)))
    deployed = importlib.import_module("ghost_torch").deploy(layer)

    with torch.no_grad():
        torch.testing.assert_close(rows.OneBuffer(deployed)(x), deployed(x))


def runtime_rows_of_a_run() -> list[Row]:
    cases = [f"ghostnet_100 batch {batch}" for batch in (1, 8)]
    found = (("PyTorch, eager", 19.5, ""), ("onnx", 4.2, ""), ("ncnn", math.nan, "without ncnn"))
    return [
        Row("runtime", "runtime", case, "forward", name, value, 0.0, reason=reason)
        for case in cases
        for name, value, reason in found
    ]


def test_runtimes_are_plotted_and_put_into_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    (tmp_path / "performance").mkdir()
    machine = {"load": 3.0, "threads": 2, "processor": "P", "versions": {"numpy": "2"}}

    plot_runtimes(runtime_rows_of_a_run(), tmp_path)
    write_page(runtime_rows_of_a_run(), machine, tmp_path, page)

    text = page.read_text()
    assert (tmp_path / "runtimes.svg").exists()
    assert (tmp_path / "performance" / "runtimes.png").exists()
    assert text.startswith(f"before\n\n{BEGIN}\n\nMedians in milliseconds on 2 threads of P, with")
    assert "Other programs ran on it (a load of 3.0 before the run)" in text
    assert text.index("| onnx | 4.2 | 4.2 |") < text.index("| PyTorch, eager | 19.5 | 19.5 |")
    assert "| ncnn | (1) | (1) |\n\n1. without ncnn\n" in text
    assert text.endswith(f"{END}\n\nafter\n")


def test_a_page_is_not_asked_of_another_suite() -> None:
    ran = CliRunner().invoke(main, ["--write", "--suite", "import"])

    assert ran.exit_code == 2
    assert "--write is for the suite `runtime`, which is not among --suite" in ran.output


def test_the_page_has_a_place_for_the_runtimes() -> None:
    text = PAGE.read_text()

    assert text.count(BEGIN) == text.count(END) == 1


def test_a_process_takes_its_turn_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_rows, "PAUSE", 0)
    asked, answers = io.StringIO(), io.StringIO("a library says\nready\n4.5\n")
    process = runtime_rows.Process(asked, answers)

    assert process.is_ready()
    assert (process.turn(8), process.turn(1)) == (4.5, None)  # None where it has ended
    assert asked.getvalue() == "8\n1\n"


@pytest.mark.slow
def test_what_did_not_run_is_a_row_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_rows, "PAUSE", 0)
    places = {"onnx": tmp_path / "no.onnx"}

    found = runtime_rows.measured(
        "net", places, {"ncnn": "without ncnn"}, (tmp_path, 8, 1), quick=True
    )

    told = [(row.case, row.candidate, row.reason.rpartition(": ")[2]) for row in found]
    assert told == [
        (f"net batch {batch}", name, reason)
        for batch in (1, 8)
        for name, reason in (("onnx", "No such file or directory"), ("ncnn", "without ncnn"))
    ]


@pytest.mark.slow
def test_what_takes_too_long_is_ended_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_rows, "PAUSE", 0)
    monkeypatch.setattr(runtime_rows, "PATIENCE", 0.01)

    found = runtime_rows.measured("net", {"onnx": tmp_path}, {}, (tmp_path, 8, 1), quick=True)

    assert {row.reason for row in found} == {"it took more than 0.01 s"}


@pytest.mark.slow
def test_an_artefact_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    reason = runtime_artefacts.exported("onnx", tmp_path / "a.safetensors", tmp_path / "a.onnx")

    assert reason == f"cannot read {tmp_path / 'a.safetensors'}: No such file or directory"
