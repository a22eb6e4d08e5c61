"""Every export comes back with the same digest, whatever the architecture and its arguments."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from weights import ARCHITECTURES, ArgumentError, GhostError, WeightFile, configure, read_file
from weights import write_file as write_weights
from weights.importers import CONTAINERS, EXPORTERS, IMPORTERS, export_file, import_file, write

STATE_DICTS = tuple(name for name in EXPORTERS if name in IMPORTERS)
SUFFIXES = {"npz": ".npz", "keras-h5": ".weights.h5", "flax-msgpack": ".msgpack", "orbax": ""}
DRAWS = 40

# Per argument the values to draw from; the first of each is what timm has.
ANY = {
    "ratio": (2, 3, 4, 1, 1.5),
    "dw_kernel_size": (3, 5, 1),
    "split": ("ceil", "round", "floor"),
    "activation": ("relu", "silu", "identity"),
    "bn_eps": (1e-5, 1e-3),
    "bn_momentum": (0.1, 0.03),
    "form": ("training", "deployed", "folded"),
    "stride": (1, 2),
    "shortcut_activation": ("identity", "relu"),
    "se_rounding": ("divisible", "floor"),
    "primary_skip": (True, False),
}
CONV = {"c_in": (8, 4, 12), "c_out": (16, 8, 7, 9), "kernel_size": (1, 3, [3, 5])}
BLOCK = {"c_in": (8, 16), "c_mid": (16, 24), "c_out": (16, 8), "kernel_size": (3, 5)}
BLOCK |= {"se_ratio": (0, 0.25, 0.3), "attention": (False, True), "branches": (0, 3, 2)}
BLOCK |= {"shortcut_kernel_size": (0, 3)}
CIFAR = {
    "num_classes": (10, 100, 0),
    "dropout": (0.0, 0.3),
    "in_chans": (3, 1),
    "stem_ratio": (2, 1, 3),
}
REP_BLOCK = {name: BLOCK[name] for name in ("c_in", "c_mid", "c_out", "kernel_size", "se_ratio")}
NETWORK = {"width": (0.1, 0.25), "num_classes": (1000, 3, 0), "in_chans": (3, 1)}
NETWORK |= {"dropout": (0.2, 0.0)}
GHOSTNET = NETWORK | {"head": ("bias", "norm"), "shortcut_kernel_size": (0, 3)}
CHOICES: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "ghost_conv": CONV | {"padding": (0, 1), "dilation": (1, 2), "groups": (1, 2)},
    "ghost_conv_v2": CONV | {"padding": (0, 1), "dilation": (1, 2)},
    "ghost_conv_v3": CONV | {"branches": (3, 1), "attention": (False, True)},
    "squeeze_excite": {"channels": (16, 9), "se_ratio": (0.25, 0.4, 0.05)},
    "ghost_bottleneck": BLOCK,
    "c3_ghost": {"c1": (16, 8), "c2": (16, 32, 88), "n": (1, 0, 2), "e": (0.5, 0.25, 0.69)},
    "rep_ghost_conv": CONV,
    "rep_ghost_bottleneck": REP_BLOCK,
    "ghostnet": GHOSTNET,
    "ghostnetv2": GHOSTNET,
    "ghostnetv3": GHOSTNET,
    "repghostnet": NETWORK,
    "ghost_resnet20": CIFAR | {"norm": (True, False)},
    "ghost_resnet56": CIFAR | {"norm": (True, False)},
    "ghost_vgg16": CIFAR | {"hidden": (True, False)},
}
# Of the class of another, and three times as long to build.
TWINS = ("ghost_resnet56",)
# What the modules of ultralytics have instead.
YOLO = {"split": "floor", "dw_kernel_size": 5, "activation": "silu"}
YOLO |= {"bn_eps": 1e-3, "bn_momentum": 0.03}
NEAR: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "ultralytics": {
        "ghost_conv": YOLO,
        "ghost_bottleneck": YOLO | {"c_in": 16, "c_mid": 8, "c_out": 16},
        "c3_ghost": {"bn_eps": 1e-3, "bn_momentum": 0.03},
    }
}
ROUNDINGS = {"squeeze_excite": {"rounding": ANY["se_rounding"]}}


def draws(
    architecture: str, seed: int, near: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Configurations that a module can have, most of them near to what a foreign class has."""
    generator = random.Random(seed)
    known = configure(architecture, {k: v[0] for k, v in CHOICES[architecture].items()}).to_dict()
    choices = dict(CHOICES[architecture]) | ROUNDINGS.get(architecture, {})
    forms = {"form": ANY["form"]} if architecture != "squeeze_excite" else {}
    choices = {k: v for k, v in ANY.items() if k in known} | forms | choices
    for _ in range(DRAWS):
        changed = generator.sample(sorted(choices), generator.choice((0, 1, 1, 2, len(choices))))
        drawn = {name: generator.choice(choices[name]) for name in changed}
        config = {name: values[0] for name, values in choices.items()} | dict(near or {}) | drawn
        try:
            yield configure(architecture, config).to_dict()
        except ArgumentError:
            continue


def is_network(architecture: str) -> bool:
    """Whether it has so many tensors that one draw takes a second."""
    return "net" in architecture or "vgg" in architecture


@pytest.fixture
def there_and_back(
    tmp_path: Path, random_tensors: Callable[..., Any]
) -> Callable[..., tuple[WeightFile, WeightFile]]:
    """Write a file, export it, import that, and read both."""

    def convert(
        architecture: str, config: dict[str, Any], exporter: str, suffix: str
    ) -> tuple[WeightFile, WeightFile]:
        tensors = random_tensors(configure(architecture, config))
        write_weights(tmp_path / "file", architecture, config, tensors, overwrite=True)
        file, target = read_file(tmp_path / "file"), tmp_path / f"exported{suffix}"
        export_file(file, exporter, target, overwrite=True)
        importer = next((n for n, c in CONTAINERS.items() if c.exporter == exporter), exporter)
        write(import_file(target, importer), tmp_path / "back", overwrite=True)
        return file, read_file(tmp_path / "back")

    return convert


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_has_its_choices(architecture: str) -> None:
    drawn = list(draws(architecture, 0))

    assert len({str(config) for config in drawn}) >= 4
    varied = {key for config in drawn for key in config if config[key] != drawn[0].get(key)}
    assert varied >= set(CHOICES[architecture]) - {"c_in"}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".safetensors", pytest.param(".pth", marks=pytest.mark.matrix)])
@pytest.mark.parametrize("exporter", STATE_DICTS)
def test_every_state_dict_comes_back_or_is_refused_with_the_reason(
    there_and_back: Callable[..., Any], exporter: str, suffix: str
) -> None:
    came_back: Counter[str] = Counter()
    for architecture in IMPORTERS[exporter].architectures:
        near = NEAR.get(exporter, {}).get(architecture)
        drawn = [c for c in draws(architecture, 1, near) if c.get("width", 0) < 0.2]
        for config in drawn[: 3 if is_network(architecture) else DRAWS]:
            try:
                file, back = there_and_back(architecture, config, exporter, suffix)
            except GhostError as error:
                refused = ("cannot say what the file says", "in form 'folded'")
                assert any(words in str(error) for words in refused), (config, str(error))
                continue
            assert back.metadata["content_sha256"] == file.metadata["content_sha256"], config
            assert back.metadata["source"]["assumed"] == {}
            came_back[architecture] += 1

    assert set(came_back) == set(IMPORTERS[exporter].architectures)
    assert min(came_back.values()) >= 2


@pytest.mark.matrix
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("exporter", [c.exporter for c in CONTAINERS.values()])
@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name not in TWINS])
def test_every_container_comes_back(
    there_and_back: Callable[..., Any], architecture: str, exporter: str
) -> None:
    drawn = [c for c in draws(architecture, 2) if c.get("width", 0) < 0.2]
    for config in drawn[: 1 if is_network(architecture) else 3]:
        file, back = there_and_back(architecture, config, exporter, SUFFIXES[exporter])

        assert back.metadata["content_sha256"] == file.metadata["content_sha256"], config
