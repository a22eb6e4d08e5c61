"""The measuring and judging of benchmarks; no timing is asserted."""

from __future__ import annotations

import importlib
import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report, roofline, runtime_rows
from benchmarks.growth_plot import plot_growth
from benchmarks.measure import Row, interleaved
from benchmarks.runtime_plot import plot_runtimes
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


def test_runtimes_are_plotted_and_tabled(tmp_path: Path) -> None:
    cases = [f"ghostnet_100 batch {batch}" for batch in (1, 8)]
    rows = [
        Row("runtime", "runtime", case, "forward", name, value, 0.0)
        for case in cases
        for name, value in (("PyTorch, eager", 19.5), ("onnx", 4.2))
    ]

    plot_runtimes(rows, tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {
        "runtimes.md",
        "runtimes.png",
        "runtimes.svg",
    }
    assert "| onnx | 4.2 | 4.2 |" in (tmp_path / "runtimes.md").read_text()


def test_a_process_takes_its_turn_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_rows, "PAUSE", 0)
    asked, answers = io.StringIO(), io.StringIO("4.5\n")

    assert runtime_rows.Process(asked, answers).turn() == 4.5
    assert asked.getvalue() == "run\n"
