"""What all tests share: the project's own folder and that of reference files."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.reference_files import reference_file
from tests.shares import in_share

REPOSITORY = Path(__file__).resolve().parents[1]
# Of the clock, which goes on while others have the processor: what must be quick is in `soon`.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


# Objects that a process makes before Python looks through them: traces of JAX make millions.
COLLECTED = 100_000


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--share 1/2`: about half of the tests, the same ones in every run."""
    parser.addoption("--share", default="1/1", metavar="I/N", help="one of N parts of the tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the share that was asked for."""
    which, parts = map(int, config.getoption("--share", "1/1").split("/"))
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for each in items:
        (kept if in_share(each.nodeid, which, parts) else others).append(each)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


def pytest_collection_finish() -> None:
    """Leave out what was imported when Python looks for garbage, and look for it less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED)


@pytest.fixture
def repository() -> Path:
    """The folder of the whole project."""
    return REPOSITORY


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a reference file; the test is skipped where it is absent."""

    return reference_file
