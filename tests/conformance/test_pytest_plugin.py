"""The suite under pytest, as somebody runs it on an implementation of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from conformance.tiers import ExactTier

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of pytest in a folder of its own, without this project's settings."""
    is_installed = any(each.name == "ghostconv" for each in entry_points(group="pytest11"))
    plugin = [] if is_installed else ["-p", "conformance.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, "--pyargs", "conformance"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command += ["--rootdir", str(folder), "-c", os.devnull, "-q", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_plugin_imports_neither_numpy_nor_weights() -> None:
    # Every session of pytest imports it, of projects too that have nothing to do with this one.
    code = "import sys, conformance.pytest_plugin; print({'numpy', 'weights'} & {*sys.modules})"
    command = [sys.executable, "-c", code]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_every_case_is_a_test(tmp_path: Path) -> None:
    code, output = run(tmp_path, "--ghost-implementation", "oracle", "--ghost-tier", "exact")

    assert code == 0, output
    assert f"{len(ExactTier().cases())} passed" in output


def test_a_defect_fails_with_its_element_and_the_way_to_run_it_again(tmp_path: Path) -> None:
    name = "tests.conformance.wrong:interleaved"
    code, output = run(tmp_path, "--ghost-implementation", name, "--ghost-tier", "exact", "-x")

    assert code == 1
    assert re.search(r"worst at \[\d+, \d+, \d+, \d+\]: got", output)
    assert f"again: ghost-conformance run --implementation {name} --tier exact" in output


def test_it_works_in_several_processes(tmp_path: Path) -> None:
    code, output = run(
        tmp_path, "--ghost-implementation", "oracle", "--ghost-tier", "exact", "-n", "2"
    )

    assert code == 0, output
    assert f"{len(ExactTier().cases())} passed" in output


@pytest.mark.parametrize("more", [(), pytest.param(("-n", "2"), marks=pytest.mark.matrix)])
def test_less_than_half_of_a_tier_is_no_success(more: tuple[str, ...], tmp_path: Path) -> None:
    name = "tests.conformance.hostile:judged_by_few"
    arguments = ["--ghost-implementation", name, "--ghost-tier", "exact", *more]

    code, output = run(tmp_path, *arguments)

    assert code == 1, output
    assert re.search(rf"not green: {name} judged by \d+ of \d+ cases of tier exact", output)


def test_without_an_implementation_there_is_nothing_to_run(tmp_path: Path) -> None:
    code, output = run(tmp_path)

    assert code == 5, output


CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--tier")
    parser.addoption("--implementation")

@pytest.fixture
def tier(request):
    return request.config.getoption("--tier")
"""


def test_a_project_with_such_options_of_its_own_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text("def test_own(tier):\n    assert tier == 'gold'\n")
    arguments = ["--tier", "gold", "--implementation", "none", "test_own.py"]
    arguments += ["--ghost-implementation", "oracle", "--ghost-tier", "exact"]

    code, output = run(tmp_path, *arguments)

    assert code == 0, output
    assert f"{len(ExactTier().cases()) + 1} passed" in output


def test_who_imports_the_oracle_fails_every_test(tmp_path: Path) -> None:
    name = "tests.conformance.hostile:imports_the_oracle"
    arguments = ["--ghost-implementation", name, "--ghost-tier", "exact"]

    code, output = run(tmp_path, *arguments)

    assert code == 1
    assert f"{name}: it imported the oracle" in output
    assert "passed" not in output.splitlines()[-1]
