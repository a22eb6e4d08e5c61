"""The suite under pytest: `pytest --pyargs conformance --ghost-implementation mine:build`.

One test for every case, named after its implementation and tier. It works under pytest-xdist, each
of whose workers starts a process of its own for the implementation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("test_implementation.py")
# The tiers that judge one implementation by itself.
TIER_NAMES = ("contract", "exact", "module", "special", "family", "training", "weights")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what chooses implementations and tiers."""
    group = parser.getgroup("conformance", "conformance of Ghost convolutions")
    group.addoption(
        "--ghost-implementation",
        action="append",
        default=[],
        metavar="NAME",
        help="run the conformance suite on ghost_torch, ghost_jax, ghost_tf, oracle or "
        "package.module:function; may be repeated",
    )
    group.addoption(
        "--ghost-tier",
        action="append",
        default=[],
        choices=TIER_NAMES,
        help="run this tier of the conformance suite only; may be repeated",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the suite alone where no implementation is named: it would have nothing to run."""
    is_suite = collection_path == SUITE
    return True if is_suite and not config.getoption("--ghost-implementation") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every case of the chosen tiers for every implementation."""
    if "conformance_case" not in metafunc.fixturenames:
        return
    from conformance.tiers import TIERS

    chosen = metafunc.config.getoption("--ghost-tier") or TIER_NAMES
    names = dict.fromkeys(metafunc.config.getoption("--ghost-implementation"))
    rows = [
        pytest.param(name, (TIERS[tier], case), id=f"{name}-{tier}-{case.id}")
        for name in names
        for tier in TIER_NAMES
        if tier in chosen
        for case in TIERS[tier].cases()
    ]
    # Grouped by implementation: one process of each at a time.
    metafunc.parametrize(
        ("conformance_process", "conformance_case"),
        rows,
        indirect=["conformance_process"],
        scope="session",
    )


@pytest.fixture(scope="session")
def conformance_process(request: pytest.FixtureRequest) -> Iterator[object]:
    """The process of an implementation, started once."""
    from conformance.implementations.process import ProcessImplementation

    process = ProcessImplementation(request.param)
    process.start()
    yield process
    process.close()
