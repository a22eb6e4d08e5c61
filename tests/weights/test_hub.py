"""Weights from a folder laid out as the hub's cache is; nothing here asks the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from weights import ArgumentError, DigestError, FormatError, GhostError, configure, write_file
from weights.importers import IMPORTERS

pytest.importorskip("huggingface_hub")

from weights import hub
from weights.importers.timm_config import read_preprocess

COMMIT, OTHER = "a" * 40, "b" * 40
SMALL = {"width": 0.25, "num_classes": 1000}
TIMM_CONFIG = {
    "architecture": "ghostnet_025",
    "pretrained_cfg": {
        "input_size": [3, 160, 160],
        "crop_pct": 0.9,
        "interpolation": "bicubic",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
    },
}

Make = Callable[..., dict[str, np.ndarray]]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
def add(cache: Path) -> Callable[..., Path]:
    """Add a snapshot of a repository to the cache; returns its folder."""

    def make(repository: str, commit: str = COMMIT, ref: str | None = "main") -> Path:
        root = cache / f"models--{repository.replace('/', '--')}"
        snapshot = root / "snapshots" / commit
        snapshot.mkdir(parents=True)
        if ref:
            (root / "refs").mkdir(exist_ok=True)
            (root / "refs" / ref).write_text(commit)
        return snapshot

    return make


@pytest.fixture
def fetch(cache: Path) -> Callable[..., Any]:
    def run(repository: str, **options: Any) -> Any:
        return hub.fetch(repository, cache_dir=cache, offline=True, **options)

    return run


def timm(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    names = {IMPORTERS["timm"].foreign_name(name): array for name, array in tensors.items()}
    save_file(names, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(TIMM_CONFIG))


def interchange(folder: Path, tensors: dict[str, np.ndarray], name: str = hub.FILES[0]) -> Path:
    write_file(folder / name, "ghostnet", configure("ghostnet", SMALL).to_dict(), tensors)
    return folder / name


def test_timms_repository_is_imported_with_its_preprocessing(
    add: Callable[..., Path], fetch: Callable[..., Any], random_tensors: Make
) -> None:
    timm(add("timm/ghostnet_025"), random_tensors(configure("ghostnet", SMALL)))

    content = fetch("timm/ghostnet_025")

    assert (content.architecture, content.config["width"]) == ("ghostnet", 0.25)
    assert content.preprocess == {
        "resize": 177,
        "crop": 160,
        "interpolation": "bicubic",
        "divide_by": 255.0,
        "layout": "NHWC",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", hub.FILES)
def test_an_interchange_file_is_read_as_it_is(
    add: Callable[..., Path], fetch: Callable[..., Any], random_tensors: Make, name: str
) -> None:
    tensors = random_tensors(configure("ghostnet", SMALL))
    interchange(add("someone/ghost"), tensors, name)

    assert (
        fetch("someone/ghost").tensors["conv_head.bias"].tobytes()
        == tensors["conv_head.bias"].tobytes()
    )


def test_a_revision_is_pinned(
    add: Callable[..., Path], fetch: Callable[..., Any], random_tensors: Make
) -> None:
    config = configure("ghostnet", SMALL)
    interchange(add("someone/ghost"), random_tensors(config, seed=1))
    interchange(add("someone/ghost", OTHER, ref="v2"), random_tensors(config, seed=2))

    found = [
        fetch("someone/ghost", revision=r).tensors["conv_head.bias"] for r in (None, "v2", OTHER)
    ]

    assert not np.array_equal(found[0], found[1])
    assert np.array_equal(found[1], found[2])


def test_the_digest_of_the_file_is_checked(
    add: Callable[..., Path], fetch: Callable[..., Any], random_tensors: Make
) -> None:
    path = interchange(add("someone/ghost"), random_tensors(configure("ghostnet", SMALL)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    assert fetch("someone/ghost", sha256=digest.upper()).architecture == "ghostnet"
    with pytest.raises(DigestError) as caught:
        fetch("someone/ghost", sha256="0" * 64)
    assert str(caught.value) == (
        f"ghost_weights.safetensors must have SHA-256 {'0' * 64}, got {digest}: it is another file"
    )


@pytest.mark.parametrize(
    ("repository", "text"),
    [
        ("someone/absent", "is not in the cache, and the network was not asked or did not answer"),
        ("no/such/name", "that is no name of a repository ('owner/name'), and no file either"),
    ],
)
def test_what_is_not_there_is_refused(
    fetch: Callable[..., Any], repository: str, text: str
) -> None:
    with pytest.raises(GhostError) as caught:
        fetch(repository)

    assert str(caught.value).startswith("cannot read ") and text in str(caught.value)


def test_a_repository_without_weights_is_refused(
    add: Callable[..., Path], fetch: Callable[..., Any]
) -> None:
    (add("someone/empty") / "README.md").write_text("nothing")

    with pytest.raises(GhostError) as caught:
        fetch("someone/empty")

    assert str(caught.value) == (
        "the repository someone/empty must hold one of ghost_weights.safetensors, model.safetensors"
    )


@pytest.mark.parametrize(("given", "kept"), [({}, 16), ({"output_stride": 8}, 8)], ids=str)
def test_weights_are_taken_at_any_output_stride(
    tmp_path: Path, random_tensors: Make, given: dict[str, Any], kept: int
) -> None:
    config = configure("ghostnet", {"width": 0.5, "num_classes": 3, "output_stride": 16})
    tensors = random_tensors(config)
    write_file(tmp_path / "file", "ghostnet", config.to_dict(), tensors)

    _, made, found = hub.pretrained("ghostnet_050", tmp_path / "file", given)

    assert made["output_stride"] == kept
    assert found.keys() == tensors.keys()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("ghostnet_100", {}, "`pretrained` must hold a ghostnet_100, got a ghostnet of width 0.5"),
        (
            "ghostnet_050",
            {"in_chans": 1},
            "`in_chans` must be 3 as in the pretrained weights, got 1",
        ),
        (
            "ghostnet_050",
            {"ratio": 3},
            "with `pretrained` only dropout, in_chans, num_classes, output_stride may be given",
        ),
    ],
)
def test_arguments_against_the_weights_are_refused(
    tmp_path: Path, random_tensors: Make, name: str, arguments: dict[str, Any], text: str
) -> None:
    config = configure("ghostnet", {"width": 0.5, "num_classes": 3})
    write_file(tmp_path / "file", "ghostnet", config.to_dict(), random_tensors(config))

    with pytest.raises(ArgumentError) as caught:
        hub.pretrained(name, tmp_path / "file", arguments)

    assert text in str(caught.value)


CFG: dict[str, Any] = TIMM_CONFIG["pretrained_cfg"]  # type: ignore[assignment]
ODD_CONFIGS: list[Any] = [
    [],
    7,
    "text",
    {"pretrained_cfg": []},
    {"pretrained_cfg": "none"},
    *(
        {"pretrained_cfg": CFG | {name: value}}
        for name, values in {
            "input_size": (None, 224, "224", [], [3], [3, 224], [3, 224, "x"], [1, 160, 160],
                           [3, 0, 0], [3, 1, -1], [3, 1, 2.5], [3, 1, 10**400], [3, 1, True]),
            "crop_pct": (None, 0, -1, 2, "x", [], 5e-324),
            "interpolation": (None, 3, "fancy", ["bilinear"]),
            "mean": (None, 0.5, "0.5", [], [0.5], ["a", "b", "c"], [0.1, None, 0.2], {"r": 1}),
            "std": (None, 0, [0, 1, 1], [1, 1], [-1, 1, 1], [10**400, 1, 1]),
        }.items()
        for value in values
    ),
]  # fmt: skip


@pytest.mark.parametrize("config", ODD_CONFIGS)
def test_a_config_that_timm_does_not_write_is_refused(tmp_path: Path, config: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))

    with pytest.raises(GhostError) as caught:
        read_preprocess(tmp_path / "config.json")

    assert str(caught.value).startswith(f"{tmp_path / 'config.json'}: ")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"a": 1, "a": 2}', b"[" * 100_000, b'{"a": NaN}']
)
def test_a_config_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(FormatError, match=r"config\.json (is|has) "):
        read_preprocess(tmp_path / "config.json")


@pytest.mark.parametrize("config", [{}, {"pretrained_cfg": None}, {"pretrained_cfg": {}}])
def test_a_config_without_sizes_says_nothing_of_images(tmp_path: Path, config: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))

    assert read_preprocess(tmp_path / "config.json") is None
