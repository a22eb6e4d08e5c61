"""An importer that is given another importer's names: nothing is written that it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trust.fuzzers.state_dicts import VALID, state
from weights import ArgumentError, GhostError, ImportRefused
from weights.importers import IMPORTERS, import_file

Save = Callable[..., Path]


@pytest.mark.slow
@pytest.mark.parametrize("importer", IMPORTERS)
@pytest.mark.parametrize("number", range(len(VALID)))
def test_another_importers_names_are_refused_or_are_its_own(
    save: Save, number: int, importer: str
) -> None:
    owner, architecture, config = VALID[number]
    tensors = state(owner, architecture, config)
    path = save({name: np.ascontiguousarray(array) for name, array in tensors.items()})

    try:
        imported = import_file(path, importer)
    except GhostError as error:
        assert importer != owner, error
        return
    rules = IMPORTERS[importer]
    assert imported.architecture in rules.architectures
    assert {rules.foreign_name(name) for name in imported.tensors} == set(tensors)


def test_huaweis_importer_takes_no_network_that_huawei_has_not(save: Save) -> None:
    path = save(state("timm", "ghost_resnet20", {}))

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "huawei")

    assert str(caught.value) == (
        f"the importer huawei reads ghostnet, ghostnetv2, ghostnetv3, {path} holds 'ghost_resnet20'"
    )


@pytest.mark.parametrize(
    ("architecture", "looked_for"),
    [
        ("ghostnet", "conv_stem.weight"),
        ("ghost_resnet56", "conv1.primary_conv.0.weight"),
        ("ghost_vgg16", "features.0.0.primary_conv.0.weight"),
        ("ghost_bottleneck", "ghost1.primary_conv.0.weight"),
        ("ghost_conv_v3", "primary_conv.0.weight"),
        ("squeeze_excite", "conv_expand.weight"),
    ],
)
def test_an_architecture_that_the_file_does_not_hold_is_refused_in_our_words(
    save: Save, architecture: str, looked_for: str
) -> None:
    path = save({"head.weight": np.zeros((4, 8), np.float32)})

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "timm", architecture)

    assert str(caught.value) == f"{path} holds no such module: looked for {looked_for!r}"


@pytest.mark.parametrize(
    ("importer", "architecture", "config"),
    [("timm", "ghostnet", {"width": 0.1, "num_classes": 3}), ("timm", "ghost_resnet20", {})],
)
def test_an_unknown_argument_is_refused_in_our_words(
    save: Save, importer: str, architecture: str, config: dict[str, Any]
) -> None:
    path = save(state(importer, architecture, config))

    with pytest.raises(ArgumentError, match=f"the configuration of {architecture} got an unexp"):
        import_file(path, importer, config={"num_class": 10})


CHANGED = [
    ("timm", "ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8}, {"activation": "identity"}),
    ("timm", "ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8}, {"bn_eps": 0.001}),
    ("timm", "ghost_conv", {"c_in": 4, "c_out": 12, "split": "ceil"}, {"activation": "identity"}),
    ("timm", "ghost_resnet20", {}, {"bn_eps": 0.001}),
    ("timm", "ghost_vgg16", {"ratio": 8}, {"bn_momentum": 0.01}),
    ("seed", "ghost_conv", {"c_in": 4, "c_out": 12}, {"bn_eps": 0.001}),
    ("ultralytics", "c3_ghost", {"c1": 16, "c2": 16}, {"bn_eps": 1e-5}),
    ("d-li14", "ghostnet", VALID[-2][2], {"shortcut_activation": "identity"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("importer", "architecture", "config", "changed"), CHANGED)
def test_whatever_is_assumed_can_be_set(
    save: Save, importer: str, architecture: str, config: dict[str, Any], changed: dict[str, Any]
) -> None:
    path = save(state(importer, architecture, config))

    assumed, told = import_file(path, importer), import_file(path, importer, config=changed)

    (name,) = changed
    assert name in assumed.source["assumed"] and assumed.config[name] != changed[name]
    assert name not in told.source["assumed"] and told.config[name] == changed[name]


# Networks and layers as another program would save them: no word of their configuration.
INFERRED = [
    ("ghost_resnet20", {"num_classes": 100, "ratio": 3, "split": "ceil", "stem_ratio": 2}),
    ("ghost_resnet20", {"norm": False, "ratio": 2.5, "stem_ratio": 1}),
    ("ghost_resnet20", {"num_classes": 0}),
    ("ghost_vgg16", {"num_classes": 100}),
    ("ghost_vgg16", {"num_classes": 0, "hidden": False}),
    ("ghost_vgg16", {"ratio": 4, "hidden": False, "stem_ratio": 1, "in_chans": 1}),
    ("ghost_conv_v2", {"c_in": 8, "c_out": 9, "kernel_size": 3, "padding": 1, "split": "ceil"}),
    ("ghost_conv_v3", {"c_in": 8, "c_out": 16, "branches": 2, "attention": True}),
    ("squeeze_excite", {"channels": 72, "se_ratio": 0.25, "rounding": "floor"}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 20, "c_out": 12, "kernel_size": 5, "stride": 2}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 24, "c_out": 8, "se_ratio": 0.25, "ratio": 3}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 24, "c_out": 12, "shortcut_kernel_size": 5,
                          "kernel_size": 5, "attention": True}),
    ("ghost_bottleneck", {"c_in": 16, "c_mid": 24, "c_out": 8, "branches": 3, "stride": 2}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "config"), INFERRED)
def test_a_module_is_read_from_names_and_shapes(
    save: Save, architecture: str, config: dict[str, Any]
) -> None:
    imported = import_file(save(state("timm", architecture, config)), "timm")

    assert imported.architecture == architecture
    assert {name: imported.config[name] for name in config} == config
