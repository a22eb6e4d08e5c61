"""State dicts of the seed's class: what tensors tell is read, the rest is assumed and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from weights import configure
from weights.arithmetic import split_channels
from weights.importers import import_file, write
from weights.importers.layouts.ghost_modules import find_ratio

SEED_CASES = "seed/ghost_conv_cases.safetensors"
SEED_IDS = [f"{number:02}" for number in range(12)]
# Where the shapes leave several modules open: what is then assumed besides stride and padding.
AMBIGUOUS = {"05": {"ratio": 5}, "06": {"c_out": 9, "ratio": 1}, "09": {"c_out": 16, "ratio": 1}}
# What a user may change after the constructor.
UNTOLD = {"bn_eps": 1e-5, "bn_momentum": 0.1}

Save = Callable[..., Path]


def seed_case(path: Path, number: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """State dict and configuration of one case of the seed's class."""
    header = path.read_bytes()
    metadata = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]
    (case,) = (case for case in json.loads(metadata["cases"]) if case["id"] == number)
    prefix = f"{number}/weights/"
    tensors = {
        name.removeprefix(prefix): array
        for name, array in load_file(path).items()
        if name.startswith(prefix)
    }
    return tensors, case["config"]


def layer_tensors(random_tensors: Callable[..., Any], **arguments: Any) -> dict[str, np.ndarray]:
    """Random tensors of a GhostConv with a counter, as a seed's state dict has them."""
    tensors = random_tensors(configure("ghost_conv", arguments))
    return tensors | {"primary_conv.1.num_batches_tracked": np.array(7)}


@pytest.mark.parametrize("number", SEED_IDS)
def test_a_state_dict_of_the_seed_keeps_every_bit(
    shared: Callable[[str], Path], save: Save, number: str
) -> None:
    tensors, config = seed_case(shared(SEED_CASES), number)

    imported = import_file(save(tensors), "seed", config=config)

    assert imported.config == configure("ghost_conv", config).to_dict()
    assert imported.tensors.keys() == tensors.keys()
    for name, array in tensors.items():
        assert imported.tensors[name].tobytes() == array.tobytes()
    assert imported.source["assumed"] == UNTOLD


@pytest.mark.parametrize("number", SEED_IDS)
def test_what_the_seeds_tensors_do_not_tell_is_assumed(
    shared: Callable[[str], Path], save: Save, number: str
) -> None:
    tensors, config = seed_case(shared(SEED_CASES), number)
    assumed = UNTOLD | {"stride": 1, "padding": 0} | AMBIGUOUS.get(number, {})

    imported = import_file(save(tensors), "seed")

    assert imported.source["assumed"] == assumed
    expected = configure("ghost_conv", config | assumed).to_dict()
    assert imported.config == expected


@given(st.integers(1, 128), st.sampled_from([0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 8]))
def test_a_ratio_is_found_that_divides_the_channels_alike(c_out: int, ratio: float) -> None:
    channels = split_channels(c_out, ratio)

    found, certain = find_ratio(c_out, channels, "round")

    assert split_channels(c_out, found) == channels
    assert not certain or found == ratio or not float(ratio).is_integer() or ratio > c_out


def test_a_cropped_layer_is_imported_with_its_width_given(
    save: Save, random_tensors: Callable[..., Any]
) -> None:
    tensors = layer_tensors(random_tensors, c_in=4, c_out=5)

    imported = import_file(save(tensors), "seed", config={"c_out": 5})

    assert (imported.config["c_out"], imported.config["ratio"]) == (5, 2)
    assert imported.source["assumed"] == UNTOLD | {"stride": 1, "padding": 0, "ratio": 2}


def test_counters_and_wrappers_are_taken_off_and_recorded(
    save: Save, random_tensors: Callable[..., Any]
) -> None:
    tensors = layer_tensors(random_tensors, c_in=4, c_out=6)
    wrapped = {f"module._orig_mod.{name}": array for name, array in tensors.items()}

    imported = import_file(save(wrapped), "seed")

    assert imported.source["prefix"] == "module._orig_mod."
    assert imported.source["dropped"] == {"num_batches_tracked": 1}
    assert imported.tensors.keys() == tensors.keys() - {"primary_conv.1.num_batches_tracked"}


def test_the_origin_leaves_no_trace_of_place_or_time(
    save: Save, tmp_path: Path, random_tensors: Callable[..., Any]
) -> None:
    tensors = layer_tensors(random_tensors, c_in=4, c_out=6)
    for name in ("a", "b"):
        write(import_file(save(tensors, f"{name}.safetensors"), "seed"), tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
