"""The programs of a report: five lines each, which show what an implementation gives."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from conformance.cases.case import Case
from conformance.cases.model import Model, make_model
from conformance.cases.traits import multiply_adds
from conformance.reports.programs import program
from conformance.tiers import NetworkTier, Settings, make_tiers
from conformance.tiers.network import DIGITS

ORACLE = "conformance.oracle.adapter:build"
TIERS = {
    tier.name: tier.cases()
    for tier in make_tiers(Settings(random=6))
    if tier.name not in ("contract", "sequence")
}


def smallest(tier: str, form: str = "training") -> Case:
    return min((case for case in TIERS[tier] if case.form == form), key=multiply_adds)


def printed(case: Case, *, loads: bool = False) -> str:
    text = program(case, ORACLE, loads=loads)
    assert len(text.splitlines()) == 5
    with redirect_stdout(StringIO()) as output:
        exec(text, {})
    return output.getvalue()


@pytest.mark.parametrize(
    "case",
    [
        smallest("exact"),
        smallest("special"),
        next(case for case in TIERS["module"] if case.id.startswith("seed-")),
        smallest("family"),
        smallest("training"),
        *[next(c for c in TIERS["random"] if ("step" in c.tags) == step) for step in (True, False)],
    ],
    ids=lambda case: f"{case.tier}-{case.id}",
)
def test_a_program_prints_the_output_and_the_right_one(case: Case) -> None:
    output = printed(case)
    got, wanted = output[: len(output) // 2], output[len(output) // 2 :]

    assert got.strip() == wanted.strip()
    assert len(got) > 10


def test_a_program_of_another_form_prints_the_form_for_training_beside_it() -> None:
    text = printed(smallest("family", "deployed"))
    names = {"array": np.array, "float32": np.float32}
    got, wanted = (eval(f"{{{part}", names) for part in text.split("{")[1:])

    np.testing.assert_allclose(got["output"], wanted["output"], rtol=1e-4, atol=1e-5)


def test_a_program_gives_every_argument() -> None:
    assert "build(*model.complete(m))" in program(smallest("exact"), "mine:build")


@pytest.mark.parametrize("loads", [False, True])
def test_the_program_of_a_file_names_the_tensors_that_changed(
    loads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert printed(smallest("weights"), loads=loads) == "[]\n"


@pytest.mark.parametrize("stage", ["stem", "predictions"])
def test_the_program_of_a_network_prints_a_stage(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture, config = DIGITS
    case = Case("a", "family", architecture, config, (2, 1, 8, 8), "scaled")
    given: tuple[Model, np.ndarray] = make_model(case)
    monkeypatch.setattr(NetworkTier, "given", lambda self: given)
    (found,) = [case for case in TIERS["network"] if case.data == stage]
    output = printed(found)

    assert output[: len(output) // 2].strip() == output[len(output) // 2 :].strip()


def test_what_cannot_be_made_again_has_no_program() -> None:
    weights = Case("mine-stem", "network", "network", {}, (), "stem")

    assert program(weights, ORACLE) == ""
    assert program(Case("mistake-a", "contract", "ghost_conv", {}, (1,), "mistake"), ORACLE) == ""
    assert program(smallest("exact"), "mine:a b") == ""
    assert program(smallest("exact"), "no name") == ""
