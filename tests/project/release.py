"""What is published, before it is: `make release-check`.

The wheel and the source distribution are built, looked at by twine, and each installed into a fresh
environment for each framework, where the README's blocks run. There too a user's `weights.py` that
Python finds first is refused in words, and another distribution with a package `conformance`
installs before and after ours. `build/release` holds both files and, as CycloneDX, what is
installed beside them for each framework.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.environments import Environment, block, run_cases, step
from tests.project.machines import (
    ROOT,
    Result,
    install,
    run,
    torch_wheel,
    uv,
    write_inputs,
)
from weights.frameworks import PACKAGES
from weights.version import __version__

RELEASE = ROOT / "build" / "release"
PROGRAMS = Path(sys.executable).parent
NEIGHBOUR = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"
[project]
name = "conformance"
version = "0.1.0"
"""


def build() -> tuple[Path, Path]:
    """The wheel, made of the source distribution, and that one."""
    shutil.rmtree(RELEASE, ignore_errors=True)
    uv("build", "--quiet", "--out-dir", RELEASE)
    ((wheel,), (source,)) = (RELEASE.glob(name) for name in ("*.whl", "*.tar.gz"))
    return wheel, source


def environments() -> list[Environment]:
    """One for each framework: its block of the README, its file, and a name that is taken."""
    extras = [package.removeprefix("ghost_") for package in PACKAGES]
    return [
        Environment(extra, (
            block(number), step("ghost-weights verify layer.safetensors"),
            step(f"python shadowed/{extra}.py", "weights.py, which Python finds first", code=1),
        ))
        for number, extra in enumerate(extras)
    ]  # fmt: skip


def write_shadowed(work: Path) -> None:
    """Programs beside a file of the user's that has the name of our package."""
    folder = work / "shadowed"
    folder.mkdir()
    (folder / "weights.py").write_text("LAST = 'epoch-90.pth'\n")
    for package in PACKAGES:
        program = folder / f"{package.removeprefix('ghost_')}.py"
        program.write_text(f"import {package}\n")


def check(environment: Environment, published: Path, torch: Path, folder: Path) -> list[Result]:
    """Everything that runs in one environment, and the list of its parts."""
    home, work = folder / "environment", folder / "work"
    install(home, (published, torch), environment.extras, lowest=False)
    write_inputs(work)
    write_shadowed(work)
    results = [run(environment, each, home, work) for each in environment.steps]
    if published.suffix == ".whl":
        list_parts(home, environment.extras)
    return results


def list_parts(home: Path, extra: str) -> None:
    """What is installed there, as CycloneDX has it; our own requirements must be among it."""
    page = RELEASE / f"ghostconv-{__version__}-{extra}.cdx.json"
    # Where a wheel lay when it was installed is a folder of this machine, which nobody else has.
    for origin in home.glob("lib/*/site-packages/*.dist-info/direct_url.json"):
        origin.unlink()
    subprocess.run(
        [PROGRAMS / "cyclonedx-py", "environment", home / "bin" / "python", "--output-reproducible",
         "--pyproject", ROOT / "pyproject.toml", "--output-file", page],
        check=True, cwd=ROOT,
    )  # fmt: skip
    text = page.read_text()
    if "file:" in text or tempfile.gettempdir() in text:
        raise SystemExit(f"{page.name} must name no file of this machine")
    listed = json.loads(text)
    parts = {canonicalize_name(part["name"]) for part in listed["components"]}
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {canonicalize_name(Requirement(text).name) for text in table["dependencies"]}
    if listed["metadata"]["component"]["name"] != table["name"] or not wanted <= parts:
        raise SystemExit(f"{page.name} must be of {table['name']} and name {', '.join(wanted)}")


def beside_another(wheel: Path, folder: Path) -> list[Result]:
    """Our commands where another distribution has a package `conformance`, older or newer."""
    project = folder / "neighbour"
    (project / "conformance").mkdir(parents=True)
    (project / "pyproject.toml").write_text(NEIGHBOUR)
    (project / "conformance" / "__init__.py").write_text('"""Another project."""\n')
    uv("build", "--quiet", "--wheel", "--out-dir", folder, project)
    (other,) = folder.glob("conformance-*.whl")
    work = folder / "work"
    write_inputs(work)
    each = run_cases("oracle", "--tier module")
    results = []
    for name, order in (("other first", (other, wheel)), ("other last", (wheel, other))):
        home = folder / name.replace(" ", "-")
        uv("venv", "--quiet", "--python", sys.executable, home)
        for file in order:
            constraint = ("--constraint", ROOT / "constraints.txt")
            uv("pip", "install", "--quiet", "--python", home, *constraint, file)
        results.append(run(Environment(name, (each,)), each, home, work))
    return results


def main() -> int:
    """Build, look and install; 1 where a command ended otherwise than it must."""
    wheel, source = build()
    subprocess.run([PROGRAMS / "twine", "check", "--strict", wheel, source], check=True)
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        torch = torch_wheel(Path(folder, "torch"))
        for published in (wheel, source):
            for environment in environments():
                place = Path(folder, f"{published.suffix[1:]}-{environment.extras}")
                place.mkdir()
                found += check(environment, published, torch, place)
                shutil.rmtree(place)
        found += beside_another(wheel, Path(folder, "beside"))
    print(f"{sum(each.is_good for each in found)} of {len(found)} commands ended as they should")
    return int(not all(each.is_good for each in found))


if __name__ == "__main__":
    sys.exit(main())
