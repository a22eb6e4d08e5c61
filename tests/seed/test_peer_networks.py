"""timm's networks and ultralytics' modules give the recorded results in every column.

Imported from the foreign state dicts, saved and built again from the file, as a user does it.
"""

from __future__ import annotations

import importlib
import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.reference_files import reference_file
from weights.columns import fold
from weights.importers import Imported, import_file

pytestmark = pytest.mark.slow

COLUMNS = {
    "oracle": ("conformance.oracle.adapter", "numpy"),
    "ghost_torch": ("ghost_torch.adapter", "torch"),
    "ghost_jax": ("ghost_jax.adapter", "flax"),
    "ghost_tf": ("ghost_tf.adapter", "keras"),
}
NETWORKS = ["ghostnet", "ghostnetv2", "ghostnetv3", "repghostnet"]
# Those with branches to merge.
BRANCHED = ["ghostnetv3", "repghostnet"]
SIZES = ["2x3x96x96", "1x3x130x98", "1x3x224x224"]
FEATURES = ["conv_stem", "blocks.1.0", "blocks.3.0", "blocks.5.0", "blocks.7.0"]
UNIT_ROUNDOFF = 2.0**-24
# 4 x (what the oracle loses in float32 + 4 u max|y|), as in the suite's tier `network`.
FACTOR = 4
# In float64 the two differ by the order of sums alone.
FLOAT64 = 1e-11

every_column = pytest.mark.parametrize("column", COLUMNS)
every_size = pytest.mark.parametrize("size", SIZES)


def cells(networks: list[str]) -> list[Any]:
    """Column, network and size: the first size of all, and of the others every pair with either.

    Each is a compilation in some column; the oracle in float64 takes all.
    """
    pairs = list(product(enumerate(COLUMNS), enumerate(networks)))
    return [(column, network, SIZES[0]) for (_, column), (_, network) in pairs] + [
        pytest.param(column, network, SIZES[1 + (row + place) % 2], marks=pytest.mark.matrix)
        for (row, column), (place, network) in pairs
    ]


@cache
def imported(network: str) -> Imported:
    return import_file(reference_file(f"peers/timm_{network}_050.state_dict.safetensors"), "timm")


@cache
def cases(network: str) -> dict[str, np.ndarray]:
    return load_file(reference_file(f"peers/timm_{network}_050.cases.safetensors"))


@cache
def built(column: str, network: str, form: str, dtype: type) -> Any:
    """The network, or what is deployed of it, in a column."""
    module, framework = COLUMNS[column]
    pytest.importorskip(framework)
    source = imported(network)
    config, tensors = source.config, source.tensors
    tensors = {name: array.astype(dtype) for name, array in tensors.items()}
    if form == "deployed":
        config, tensors = fold.deployed(source.architecture, config, tensors, form)
    return importlib.import_module(module).build(source.architecture, config, tensors)


@cache
def baseline(network: str, form: str, size: str) -> dict[str, np.ndarray]:
    """Every stage of the oracle in float32."""
    return built("oracle", network, form, np.float32).taps(cases(network)[f"{size}.input"])


def allowed(rough: np.ndarray, wanted: np.ndarray) -> float:
    scale = float(np.abs(wanted).max())
    return FACTOR * (float(np.abs(rough - wanted).max()) + 4 * UNIT_ROUNDOFF * scale)


@every_size
@pytest.mark.parametrize(
    ("network", "form"),
    [*((name, "training") for name in NETWORKS), *((name, "deployed") for name in BRANCHED)],
)
def test_the_oracle_gives_timms_logits_in_float64(network: str, size: str, form: str) -> None:
    recorded = cases(network)
    oracle = built("oracle", network, form, np.float64)
    logits = "logits_deploy" if form == "deployed" else "logits"

    stages = oracle.taps(recorded[f"{size}.input"])

    assert np.abs(stages["logits"] - recorded[f"{size}.{logits}"]).max() < FLOAT64


@pytest.mark.parametrize(("column", "network", "size"), cells(NETWORKS))
def test_logits_and_stages_are_timms(column: str, network: str, size: str) -> None:
    recorded = cases(network)

    stages = built(column, network, "training", np.float32).taps(recorded[f"{size}.input"])

    rough = baseline(network, "training", size)
    wanted = recorded[f"{size}.logits"]
    errors = {"logits": np.abs(stages["logits"] - wanted).max() / allowed(rough["logits"], wanted)}
    for index, name in enumerate(FEATURES):
        means = recorded[f"{size}.stage{index}.mean_hw"]
        limit = allowed(rough[name].mean(axis=(2, 3)), means)
        errors[name] = np.abs(stages[name].mean(axis=(2, 3)) - means).max() / limit
    assert {name: error for name, error in errors.items() if not error <= 1} == {}


@pytest.mark.parametrize(("column", "network", "size"), cells(BRANCHED))
def test_deployed_logits_are_timms(column: str, size: str, network: str) -> None:
    recorded = cases(network)

    logits = built(column, network, "deployed", np.float32)(recorded[f"{size}.input"])

    wanted = recorded[f"{size}.logits_deploy"]
    rough = baseline(network, "deployed", size)["logits"]
    assert np.abs(logits - wanted).max() <= allowed(rough, wanted)


def yolo_cases() -> list[dict[str, Any]]:
    path = reference_file("peers/ultralytics_modules.safetensors")
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()["cases"])


@every_column
@pytest.mark.parametrize("index", range(6))
def test_a_module_of_ultralytics_gives_its_recorded_output(
    column: str, index: int, tmp_path: Path
) -> None:
    module, framework = COLUMNS[column]
    pytest.importorskip(framework)
    tensors = load_file(reference_file("peers/ultralytics_modules.safetensors"))
    case = yolo_cases()[index]
    prefix = f"{case['id']}/weights/"
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    save_file(own, tmp_path / "foreign.safetensors")
    # What no tensor tells, as the class was called.
    given = {"stride": case["args"][3]} if index == 1 else {}
    given |= {"activation": "identity"} if index == 2 else {}
    source = import_file(tmp_path / "foreign.safetensors", "ultralytics", config=given)
    cast = {name: array.astype(np.float32) for name, array in source.tensors.items()}

    build = importlib.import_module(module).build
    output = build(source.architecture, source.config, cast)(tensors[f"{case['id']}/input"])

    wanted = tensors[f"{case['id']}/output"]
    oracle = importlib.import_module("conformance.oracle.adapter").build
    rough = oracle(source.architecture, source.config, cast)(tensors[f"{case['id']}/input"])
    assert np.abs(output - wanted).max() <= allowed(rough, wanted)


@pytest.mark.parametrize("size", ["1x3x130x98", "1x3x224x224"])
def test_another_resize_rule_would_be_seen(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = cases("ghostnetv2")
    oracle = built("oracle", "ghostnetv2", "training", np.float64)

    def half_pixel(index: Any, size: int, wanted: int) -> Any:
        return np.minimum((2 * index + 1) * size // (2 * wanted), size - 1)

    monkeypatch.setattr("weights.arithmetic.nearest_source", half_pixel)
    error = np.abs(oracle(recorded[f"{size}.input"]) - recorded[f"{size}.logits"]).max()

    assert error > 1e-6
