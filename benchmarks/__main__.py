"""The command `python -m benchmarks`; each framework runs in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
from rich.console import Console

from benchmarks import report, roofline
from benchmarks.growth_plot import plot_growth
from benchmarks.measure import Row
from benchmarks.runtime_plot import plot_runtimes, write_page
from weights.frameworks import FRAMEWORKS

RUNTIMES = (*FRAMEWORKS, "onnx")
SUITES = ("layer", "memory", "network", "load", "growth", "import", "runtime", "conformance")
# The malloc settings let the process keep memory that it frees. Otherwise the system clears new
# pages for every map of some megabytes, and timings vary by factors.
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_TOP_PAD_": str(2**26),
}
PACKAGES = (
    "numpy", "torch", "jax", "flax", "tensorflow-cpu", "keras", "onnxruntime", "openvino",
    "ai-edge-litert", "executorch", "ncnn",
)  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--framework", "frameworks", multiple=True, type=click.Choice(RUNTIMES))
@click.option("--suite", "suites", multiple=True, type=click.Choice(SUITES))
@click.option("--quick", is_flag=True, help="Fewer shapes and rounds.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/benchmarks"), show_default=True, help="Where results and plots go.",
)  # fmt: skip
@click.option(
    "--compare", "earlier", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Print what is slower than in this results.json, relative to the plain convolution.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--write", is_flag=True, help="Put the suite `runtime` into docs/deployment.md.")
def main(
    frameworks: tuple[str, ...], suites: tuple[str, ...], quick: bool, output: Path,
    earlier: Path | None, threads: int, write: bool,
) -> None:  # fmt: skip
    """Measure layers, networks, loading and imports; ratios in one run are what counts."""
    if write and "runtime" not in (suites or SUITES):
        raise click.UsageError("--write is for the suite `runtime`, which is not among --suite")
    console, used = Console(), machine(threads)
    rows: list[Row] = []
    output.mkdir(parents=True, exist_ok=True)
    for suite in suites or SUITES:
        for job in jobs(suite, frameworks or RUNTIMES):
            with console.status(f"{suite}: {job}"):
                rows += measured(job, suite, quick=quick, threads=threads)
        if suite == "layer":
            rows += roofline.rows(quick=quick)
        # After each suite: a later one may fail, and a run takes more than an hour.
        document = {"machine": used, "rows": [asdict(row) for row in rows]}
        (output / "results.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    report.show(console, rows)
    plots = {"layer": report.plot, "growth": plot_growth, "runtime": plot_runtimes}
    for suite in {row.suite for row in rows} & set(plots):
        plots[suite](rows, output)
    if write:
        write_page(rows, used, output)
    console.print(f"results and plots in {output}", highlight=False)
    if earlier is not None:
        report.compare(console, rows, report.read_rows(earlier))


def jobs(suite: str, frameworks: tuple[str, ...]) -> tuple[str, ...]:
    """The processes of a suite."""
    if suite in ("import", "runtime", "conformance"):
        return (suite,)
    trained = tuple(each for each in frameworks if each != "onnx")
    if suite in ("memory", "load", "growth"):
        return trained if suite == "memory" else ("numpy", *trained)
    return frameworks


def measured(job: str, suite: str, *, quick: bool, threads: int) -> list[Row]:
    """The rows that a process of its own writes."""
    command = [sys.executable, "-m", "benchmarks.worker", job, suite, str(int(quick)), str(threads)]
    done = subprocess.run(
        pinned(command, threads), capture_output=True, text=True, check=False,
        env={**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(threads),
             "TF_NUM_INTRAOP_THREADS": str(threads)},
    )  # fmt: skip
    if done.returncode:
        raise click.ClickException(f"{job} failed in suite {suite}:\n{done.stderr[-3000:]}")
    lines = (line for line in done.stdout.splitlines() if line.startswith("row "))
    return [Row(**json.loads(line.removeprefix("row "))) for line in lines]


def pinned(command: list[str], threads: int) -> list[str]:
    """The command on as many cores as it has threads: XLA takes all that it sees."""
    cores = sorted(os.sched_getaffinity(0))[:threads] if hasattr(os, "sched_getaffinity") else []
    return ["taskset", "-c", ",".join(map(str, cores)), *command] if cores else command


def machine(threads: int) -> dict[str, object]:
    """The machine, the versions and the settings that the figures depend on."""
    return {
        "python": platform.python_version(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "environment": ENVIRONMENT,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        "versions": {name: each for name in PACKAGES if (each := installed(name)) is not None},
    }


def installed(name: str) -> str | None:
    """The version of a package, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.partition(": ")[2] for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
