"""Environments that hold one extra each, and the README's commands in them.

`python -m tests.project.machines` installs the versions of constraints.txt. With `--lowest` every
requirement of ours has the lowest version that pyproject.toml allows, and each framework runs whole
tiers besides. PyTorch alone is that of constraints.txt in both: its older wheels for Linux bring
gigabytes of CUDA. Of most commands a small selection of cases is run, not all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from time import perf_counter

import numpy as np

from tests.project.environments import ENVIRONMENTS, TIERS, Environment, Step, step
from tests.weights.found import twins
from weights import configure, write_file
from weights.tensors import RUNNING_VAR

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
LAYER = {"c_in": 32, "c_out": 64, "kernel_size": 3, "padding": 1}
PIXELS = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5] * 3, "std": [0.2] * 3}
# What brings PyTorch along.
WITH_TORCH = {"torch", "onnx", "timm", "conformance"}
WIDTH, SHOWN = 100, 4000

# Ours, and PyTorch's.
Wheels = tuple[Path, Path]


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    extras: str
    command: str
    seconds: float
    output: str
    is_good: bool


def build_wheel(folder: Path) -> Path:
    """The project as it is published."""
    uv("build", "--quiet", "--wheel", "--out-dir", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def torch_wheel(folder: Path) -> Path:
    """PyTorch by pip, which finds local files where uv does not."""
    (pin,) = (line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("torch=="))
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "download", *options, pin], check=True)
    (wheel,) = folder.glob("torch-*.whl")
    return wheel


def results(environment: Environment, wheels: Wheels, *, lowest: bool) -> list[Result]:
    """Everything that runs in an environment, in order."""
    with tempfile.TemporaryDirectory() as folder:
        home, work = Path(folder, "environment"), Path(folder, "work")
        install(home, wheels, environment.extras, lowest=lowest)
        write_inputs(work)
        return [run(environment, each, home, work) for each in steps(environment, lowest)]


def steps(environment: Environment, lowest: bool) -> Iterator[Step]:
    """The README's commands, and at the lowest versions whole tiers."""
    yield from environment.steps
    if lowest and environment.implementation:
        chosen = f"--implementation {environment.implementation} {TIERS}"
        yield step(f"ghost-conformance run {chosen}", " passed")


def install(home: Path, wheels: Wheels, extras: str, *, lowest: bool) -> None:
    """An environment of these extras."""
    ours, torch = wheels
    left_out = home.with_suffix(".txt")
    left_out.write_text("torch\n")
    uv("venv", "--quiet", "--python", sys.executable, home)
    into = ("pip", "install", "--quiet", "--python", home)
    versions = ("--resolution", "lowest-direct") if lowest else ("--constraint", CONSTRAINTS)
    uv(*into, "--excludes", left_out, *versions, f"ghostconv[{extras}] @ {ours.as_uri()}")
    if WITH_TORCH & set(extras.split(",")):
        uv(*into, torch)


def uv(*arguments: str | Path) -> None:
    """Run uv, the installer that can ask for lowest versions."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = shutil.which("uv", path=path)
    if program is None:
        raise SystemExit("uv is needed: pip install uv")
    subprocess.run([program, *map(str, arguments)], cwd=ROOT, check=True)


def write_inputs(work: Path) -> None:
    """The files that the commands read."""
    from PIL import Image

    shutil.copytree(ROOT / "examples", work)
    write_random(work / "layer.safetensors", "ghost_conv", LAYER)
    write_random(work / "network.safetensors", "ghost_resnet20", {}, preprocess=PIXELS)
    twins.paddle(work)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(work / "picture.png")


def write_random(path: Path, architecture: str, config: dict[str, int], **fields: object) -> None:
    """A weight file of random numbers."""
    generator, tensors = np.random.default_rng(0), {}
    for spec in configure(architecture, config).tensors():
        array = 0.1 * generator.normal(size=spec.shape).astype(np.float32)
        tensors[spec.name] = abs(array) + 1 if spec.kind == RUNNING_VAR else array
    write_file(path, architecture, config, tensors, **fields)


def run(environment: Environment, each: Step, home: Path, work: Path) -> Result:
    """Run one command of the environment's own programs, and tell how it ended."""
    began = perf_counter()
    program, *arguments = each.command
    variables = {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(home / "bin" / program), *arguments], cwd=work, check=False, text=True,
        env=variables | {"COLUMNS": "200", "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    is_good = done.returncode == each.code and each.wanted in done.stdout
    command = shorten(" ".join(each.command), WIDTH, placeholder=" ...")
    found = Result(environment.extras, command, perf_counter() - began, done.stdout, is_good)
    tell(found)
    return found


def tell(found: Result) -> None:
    """One line for a command as it ends, and what it printed where that is not as it should be."""
    verdict = "as it should be" if found.is_good else "WRONG"
    print(
        f"{found.extras or 'none'}: {found.command}: {verdict}, {found.seconds:.0f} s", flush=True
    )
    if not found.is_good:
        print(found.output[-SHOWN:], flush=True)


def main() -> int:
    """Two environments at a time, for two cores; 1 where a command ended otherwise than it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lowest", action="store_true", help="the lowest versions")
    parser.add_argument("--extras", action="append", help="only these extras; may be repeated")
    options = parser.parse_args()
    chosen = [each for each in ENVIRONMENTS if each.extras in (options.extras or (each.extras,))]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        wheels = (build_wheel(Path(folder, "ours")), torch_wheel(Path(folder, "torch")))
        work = partial(results, wheels=wheels, lowest=options.lowest)
        found = [result for of_one in pool.map(work, chosen) for result in of_one]
    print(f"{sum(each.is_good for each in found)} of {len(found)} commands ended as they should")
    return int(not all(each.is_good for each in found))


if __name__ == "__main__":
    sys.exit(main())
