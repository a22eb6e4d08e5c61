"""Training goes on with other devices in another framework; files hold what devices share."""

from __future__ import annotations

import importlib
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")
pytest.importorskip("keras")

from conformance import Status
from conformance.cases.model import Model, complete
from conformance.cases.replicas import ROWS, replica_cases, run_of
from conformance.judging.replicas import judge_replicas, reference_replicas
from tests.training.devices import (
    rematerialised_by_jax,
    rematerialised_by_torch,
    saved_by_fsdp,
    saved_from_mesh,
    spread_over_processes,
)
from weights import read_file, write_file
from weights.columns.replicas import Given, free_addresses, in_processes

pytestmark = pytest.mark.matrix

ENGINES = {
    "torch": ("ghost_torch.replicas", "sharded"),
    "jax": ("ghost_jax.replicas", "over_mesh"),
    "keras": ("ghost_tf.replicas.mirrored", "mirrored"),
}
FOUR, TWO = (2, 2, 2, 2), (4, 4)


def case() -> Any:
    return next(each for each in replica_cases("distributed") if ROWS[each.id].shares == FOUR)


def engine(name: str) -> Any:
    module, function = ENGINES[name]
    return getattr(importlib.import_module(module), function)


@pytest.fixture(scope="module")
def plain() -> Model:
    model, _ = run_of(case())
    return complete(model)


@pytest.mark.parametrize(("first", "second"), tuple(permutations(ENGINES, 2)))
def test_four_devices_hand_over_to_two_in_another_framework(
    first: str, second: str, plain: Model, tmp_path: Path
) -> None:
    _, run = run_of(case())
    path = tmp_path / "checkpoint.safetensors"

    before = engine(first)(Given(*plain), run)
    write_file(path, plain.architecture, plain.config, before[-1]["state"])
    file = read_file(path)
    checkpoint = Given(file.architecture, plain.config, file.tensors)
    after = engine(second)(checkpoint, replace(run, shares=TWO))

    whole = replace(run, steps=run.steps * 2)
    outcome = judge_replicas([*before, *after], reference_replicas(plain, whole))
    assert outcome.status is Status.PASS, outcome.message


def written(model: Model, path: Path) -> bytes:
    write_file(path, *model)
    return path.read_bytes()


def test_what_fsdp_spreads_over_processes_is_gathered_into_a_file(
    plain: Model, tmp_path: Path
) -> None:
    store = (tmp_path / "store").as_uri()

    files = in_processes(saved_by_fsdp, 2, store, str(tmp_path), Given(*plain))

    assert set(files) == {written(plain, tmp_path / "whole.safetensors")}


def test_what_a_mesh_of_one_process_holds_is_gathered_into_a_file(
    plain: Model, tmp_path: Path
) -> None:
    (found,) = in_processes(saved_from_mesh, 1, str(tmp_path), Given(*plain))

    assert found == written(plain, tmp_path / "whole.safetensors")


def test_what_lies_in_other_processes_is_refused_until_it_is_gathered(plain: Model) -> None:
    given = Given(*plain)

    for text, state in in_processes(spread_over_processes, 2, *free_addresses(1), given):
        assert "process_allgather(nnx.state(module), tiled=True)" in text
        assert state.keys() == given.tensors.keys()
        assert all(np.array_equal(array, given.tensors[name]) for name, array in state.items())


@pytest.mark.parametrize(
    ("name", "count", "function", "arguments"),
    [
        ("DDP", 2, rematerialised_by_torch, (False,)),
        ("FSDP2", 2, rematerialised_by_torch, (True,)),
        ("a mesh", 1, rematerialised_by_jax, ()),
    ],
)
def test_rematerialisation_changes_nothing_on_two_devices(
    name: str, count: int, function: Any, arguments: Any, tmp_path: Path
) -> None:
    if function is rematerialised_by_torch:
        arguments = ((tmp_path / "store").as_uri(), *arguments)

    for plain, other in in_processes(function, count, *arguments):
        assert len(plain) == len(other)
        for wanted, found in zip(plain, other, strict=True):
            # Gradients that the next normalisation cancels are roundings of 1e-9.
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)
