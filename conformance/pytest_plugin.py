"""The suite under pytest: `pytest --pyargs conformance --ghost-implementation mine:build`.

One test for every case, named after its implementation and tier. It works under pytest-xdist, each
of whose workers starts a process of its own for the implementation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("test_implementation.py")
PROCESS, CASE = "conformance_process", "conformance_case"
# By which a report of a test tells the implementation, the tier and the case.
PROPERTY = "conformance"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose implementations and tiers."""
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
        metavar="TIER",
        help="run this tier of the conformance suite only, such as exact; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an unknown tier, and count what is judged; imports only where an option asks."""
    chosen = config.getoption("--ghost-tier")
    if chosen:
        from conformance.tiers import PYTEST_TIERS

        unknown = [name for name in chosen if name not in PYTEST_TIERS]
        if unknown:
            names = ", ".join(PYTEST_TIERS)
            raise pytest.UsageError(f"--ghost-tier must be one of {names}, got {unknown[0]}")
    if config.getoption("--ghost-implementation") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Judged())


class Judged:
    """Ends a session that judged less than half of a tier as no success, as `run` does."""

    def __init__(self) -> None:
        self.verdicts: list[tuple[str, str, str, bool]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the case of a report, and whether it was skipped."""
        place = dict(report.user_properties).get(PROPERTY)
        if report.when == "call" and isinstance(place, (list, tuple)):
            self.verdicts.append((*place, report.skipped))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Take the success from a session that judged too little."""
        if exitstatus == pytest.ExitCode.OK and self.reasons():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of what too little was judged."""
        for reason in self.reasons():
            terminalreporter.write_line(f"not green: {reason}", red=True)

    def reasons(self) -> list[str]:
        """The tiers of which less than half was judged."""
        from conformance.judging.verdict import Status, Verdict
        from conformance.running.results import Run, unjudged

        verdicts = [
            Verdict(Status.SKIP if skipped else Status.PASS, case=case, tier=tier, implementation=n)
            for n, tier, case, skipped in self.verdicts
        ]
        return unjudged(Run(verdicts, {}, 0.0))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the report of a case, in another process too, tell whose and which it is."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if CASE in parameters:
        tier, case = parameters[CASE]
        item.user_properties.append((PROPERTY, (parameters[PROCESS], tier.name, case.id)))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the suite alone where no implementation is named: it would have nothing to run."""
    is_suite = collection_path == SUITE
    return True if is_suite and not config.getoption("--ghost-implementation") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every case of the chosen tiers for every implementation."""
    if CASE not in metafunc.fixturenames:
        return
    from conformance.tiers import PYTEST_TIERS, make_tiers

    tiers = make_tiers(names=metafunc.config.getoption("--ghost-tier") or PYTEST_TIERS)
    names = dict.fromkeys(metafunc.config.getoption("--ghost-implementation"))
    rows = [
        pytest.param(name, (tier, case), id=f"{name}-{tier.name}-{case.id}")
        for name in names
        for tier in tiers
        for case in tier.cases()
    ]
    # Grouped by implementation: one process of each at a time.
    metafunc.parametrize(
        (PROCESS, CASE),
        rows,
        indirect=[PROCESS],
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
