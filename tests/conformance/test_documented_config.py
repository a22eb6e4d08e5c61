"""The keys of `config`: an implementation gets all of them, and documentation has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conformance.cases.case import Case
from conformance.cases.model import Model, complete
from conformance.implementations.implementation import Implementation
from conformance.tiers import VECTOR_TIERS, make_tiers
from weights import configure

DOCS = Path(__file__).parents[2] / "docs"
KEY = re.compile(r"`([a-z]\w*)`")
CASES = [case for tier in make_tiers(names=VECTOR_TIERS) for case in tier.cases()]
EACH = {case.architecture: case for case in CASES}


def keys(case: Case) -> set[str]:
    return set(complete(Model(case.architecture, case.config, {})).config)


class Recorded(Implementation):
    """Remembers the configuration that it is asked with."""

    config: dict[str, Any]

    def _request(self, request: str, arguments: Any) -> Any:
        self.config = arguments["config"]


@pytest.mark.parametrize("architecture", EACH)
def test_every_argument_reaches_the_implementation(architecture: str) -> None:
    case, recorded = EACH[architecture], Recorded("recorded")
    recorded.state(Model(architecture, case.config, {}))

    assert configure(architecture, recorded.config) == configure(architecture, case.config)
    assert set(recorded.config) == keys(case)
    assert {"bias", "form"} <= keys(EACH["ghost_conv"])


def test_no_case_gives_other_keys_than_its_architecture_has() -> None:
    assert {(case.architecture, *sorted(keys(case))) for case in CASES} == {
        (name, *sorted(keys(case))) for name, case in EACH.items()
    }


def test_what_is_wrong_reaches_the_implementation_as_it_is() -> None:
    config = {"c_in": 8, "c_out": 8, "mode": "same"}

    assert complete(Model("ghost_conv", config, {})).config == config


def test_the_keys_of_a_ghost_conv_are_those_of_the_page() -> None:
    page = (DOCS / "adding-an-implementation.md").read_text()
    _, _, table = page.partition("| key | is |\n| --- | --- |\n")
    rows = table.partition("\n\n")[0].splitlines()

    assert {key for row in rows for key in KEY.findall(row.split("|")[1])} == keys(
        EACH["ghost_conv"]
    )


@pytest.mark.parametrize("architecture", EACH)
def test_the_specification_has_every_key(architecture: str) -> None:
    assert keys(EACH[architecture]) <= set(KEY.findall((DOCS / "specification.md").read_text()))
