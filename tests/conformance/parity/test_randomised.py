"""Batch normalisations drawn at random: all four vectors new, the network still well behaved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.cases.model import Model
from conformance.cases.tensors import Tensors
from conformance.judging.stages import oracle_run
from conformance.parity.randomised import randomise
from conformance.parity.trials import default_sizes, prepare_experiment
from tests.conformance.parity.networks import fresh_resnet, write
from weights import configure
from weights.tensors import NORM_BIAS, NORM_WEIGHT, RUNNING_MEAN, RUNNING_VAR

pytestmark = pytest.mark.slow  # the oracle runs whole networks

NORM_KINDS = (NORM_WEIGHT, NORM_BIAS, RUNNING_MEAN, RUNNING_VAR)
HALF = {"width": 0.5}
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("ghost_resnet20", {}),
    ("ghost_resnet56", {}),
    ("ghost_vgg16", {}),
    ("ghostnet", HALF),
    ("ghostnetv2", HALF),
    ("ghostnetv3", HALF),
    ("ghostnetv3", HALF | {"form": "deployed"}),
    ("c3_ghost", {"c1": 8, "c2": 16}),
]
every_network = pytest.mark.parametrize(("architecture", "config"), NETWORKS)


def fresh(architecture: str, config: dict[str, Any]) -> Tensors:
    generator, tensors = np.random.Generator(np.random.PCG64(3)), {}
    for spec in configure(architecture, config).tensors():
        scale = 1 / np.sqrt(np.prod(spec.shape[1:]))
        drawn = scale * generator.uniform(-1, 1, spec.shape)
        if spec.kind in NORM_KINDS:
            drawn = np.full(spec.shape, float(spec.kind in (NORM_WEIGHT, RUNNING_VAR)))
        tensors[spec.name] = drawn.astype(np.float32)
    return tensors


def sample(architecture: str, config: dict[str, Any]) -> np.ndarray:
    checked = configure(architecture, config)
    size = default_sizes(architecture, checked)[0]
    generator = np.random.Generator(np.random.PCG64(4))
    return generator.normal(size=(2, checked.input_channels, *size)).astype(np.float32)


@every_network
def test_only_batch_normalisations_are_drawn_anew(
    architecture: str, config: dict[str, Any]
) -> None:
    before, x = fresh(architecture, config), sample(architecture, config)

    after = randomise(Model(architecture, config, before), x, seed=0).weights

    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    specs = configure(architecture, config).tensors()
    assert changed == {spec.name for spec in specs if spec.kind in NORM_KINDS}


@every_network
def test_outputs_are_of_order_one_and_little_error_is_allowed(
    architecture: str, config: dict[str, Any]
) -> None:
    before, x = fresh(architecture, config), sample(architecture, config)
    model = randomise(Model(architecture, config, before), x, seed=0)

    stages = oracle_run(model, x).reference()

    for stage, values in stages.values.items():
        assert 0.05 < values.std() < 10, stage
        assert stages.allowed[stage] < 1e-4 * np.abs(values).max(), stage


def test_the_seed_says_what_is_drawn() -> None:
    network, x = fresh_resnet(), np.ones((1, 3, 8, 8))
    name = "bn1.running_mean"
    drawn = [randomise(Model.of(network), x, seed).weights[name] for seed in (0, 0, 1)]

    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()


def test_without_batch_normalisation_nothing_is_randomised(tmp_path: Any) -> None:
    network = fresh_resnet()
    bare = type(network)(
        "squeeze_excite", {"channels": 8}, fresh("squeeze_excite", {"channels": 8})
    )

    experiment = prepare_experiment(write(bare, tmp_path))

    assert [list(trial.wanted) for trial in experiment.trials] == [["given"]]
