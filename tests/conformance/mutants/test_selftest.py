"""The suite checked by itself: what it must see, and what it must not take for a defect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.mutants import MUTANTS, TABLES, TORCH_MUTANTS
from conformance.mutants.mutant import Mutant
from conformance.mutants.selftest import quick_tier, run_mutant, run_variant
from conformance.mutants.variants import INVISIBLE, VARIANTS
from conformance.oracle import layers
from conformance.tiers import PYTEST_TIERS, DistributedTier, ExactTier
from conformance.tiers.base import Settings
from tests.conformance.convicted import convicted

ROOT = Path(__file__).parents[3]
FRAMEWORKS = [variant for variant in VARIANTS if variant.implementation != "oracle"]
# Outside PyTorch each call takes long: every so many cases, among which is every kind of data.
# The packages, of the same layers, pass all in tests/conformance/running/test_whole_runs.py.
EVERY = {"stock-keras": 7, "stock-flax": 28}
# Variants of NumPy take turns, so that every further case is asked of three or four.
TURNS = 10
MATRIX = pytest.mark.matrix
FURTHER = Settings(random=200, full=True)
NUMPY = [variant for variant in (*VARIANTS, INVISIBLE) if variant.implementation == "oracle"]


def name(mutant: Mutant) -> str:
    return mutant.name


# The first of each table that a tier must catch, and the matrix asks for the others.
FIRST = {(number, each.tier): each for number, table in enumerate(TABLES) for each in table[::-1]}


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(
            each, id=each.name, marks=pytest.mark.slow if each in FIRST.values() else MATRIX
        )
        for each in (*MUTANTS, *TORCH_MUTANTS)
    ],
)
def test_a_mutant_is_caught_by_the_tier_that_names_it(mutant: Mutant) -> None:
    caught = convicted(mutant.name)

    assert caught.verdict is not None, f"{mutant.name} survived {caught.cases} cases"
    assert caught.verdict.tier == mutant.tier


@pytest.mark.slow
def test_a_correct_variant_passes_every_case() -> None:
    # Of the others the matrix asks more.
    accepted = run_variant(next(each for each in NUMPY if each.name == "fused-affine"))

    assert accepted.alarms == ()
    assert accepted.cases > 300


@pytest.mark.matrix
@pytest.mark.parametrize("variant", FRAMEWORKS, ids=name)
def test_the_layers_of_a_framework_pass(variant: Mutant) -> None:
    every = EVERY.get(variant.name, 1)
    accepted = run_variant(variant, every=every)

    assert accepted.alarms == ()
    assert accepted.cases > 300 // every


@pytest.mark.matrix
@pytest.mark.parametrize("variant", NUMPY, ids=name)
def test_a_correct_variant_passes_its_share_of_further_cases(variant: Mutant) -> None:
    accepted = run_variant(variant, FURTHER, every=TURNS, start=NUMPY.index(variant) % TURNS)

    assert accepted.alarms == ()
    assert accepted.cases > 500 // TURNS


def test_a_tier_is_shared_whatever_the_settings_of_others() -> None:
    usual, full = Settings(), Settings(random=3, full=True)
    cases = {each: len(quick_tier("training", each)[1]) for each in (usual, full)}

    assert quick_tier("exact")[0] is quick_tier("exact", full)[0]
    assert quick_tier("training")[0] is quick_tier("training", Settings(random=3))[0]
    assert cases[usual] < cases[full]
    assert len(quick_tier("random", full)[1]) == 3


def test_the_oracle_without_a_defect_survives() -> None:
    caught = run_mutant(Mutant("none", "nothing at all", "exact"))

    assert caught.verdict is None
    assert caught.cases == len(ExactTier().cases())


def test_mutants_are_many_and_have_names_of_their_own() -> None:
    names = [mutant.name for mutant in (*MUTANTS, *TORCH_MUTANTS, *VARIANTS)]

    assert len(MUTANTS) >= 150
    assert len(VARIANTS) >= 20
    assert len(set(names)) == len(names)
    assert {mutant.tier for mutant in MUTANTS} == {*PYTEST_TIERS, DistributedTier.name}


def test_a_patch_ends_with_the_call_of_the_mutant() -> None:
    from conformance.oracle import attention

    run_mutant(next(mutant for mutant in MUTANTS if mutant.name == "gate-clip"))

    assert attention.hard_sigmoid is layers.hard_sigmoid


@pytest.mark.slow
def test_the_command_names_a_mutant_and_what_caught_it() -> None:
    command = [sys.executable, "-m", "conformance", "selftest", "--mutant", "eps-0.001", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    (mutant,) = json.loads(done.stdout)["mutants"]
    assert done.returncode == 0
    assert mutant["tier"] == "exact"
    assert mutant["caught_by"] in {case.id for case in ExactTier().cases()}


def test_an_unknown_mutant_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["selftest", "--mutant", "mouse"])

    assert result.exit_code == 2
    assert "no such mutant: mouse" in result.output


def test_a_mutant_of_a_framework_that_is_missing_is_not_caught_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("weights.frameworks.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["selftest", "--mutant", "torch-eps"])

    assert result.exit_code == 2
    assert "cannot run torch-eps: ghost_torch, torch not installed" in result.output
