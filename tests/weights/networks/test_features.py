"""Which feature maps there are, as timm names, counts and measures them."""

from __future__ import annotations

from typing import Any

import pytest

from weights import ArgumentError, configure
from weights.networks.features import FeaturesConfig
from weights.tensors import joined

# timm's `feature_info` of its GhostNets and RepGhostNet at width 1.0.
TIMM = {
    "conv_stem": (16, 2),
    "blocks.1": (24, 4),
    "blocks.3": (40, 8),
    "blocks.5": (80, 16),
    "blocks.7": (160, 32),
}
NETWORKS = ("ghostnet", "ghostnetv2", "ghostnetv3", "repghostnet")
PATHS = "conv_stem, blocks.0, blocks.1, blocks.2, blocks.3, blocks.4, blocks.5, blocks.6, blocks.7"
KNOWN = f"`out_indices` must be numbers from -5 to 4 or paths among {PATHS}, blocks.8, and 2 more"
ORDER = "`out_indices` must name feature maps from the input to the output, each once, got "
REFUSED = [
    ((5,), f"{KNOWN}, got 5"),
    ((-6,), f"{KNOWN}, got -6"),
    ((True,), f"{KNOWN}, got True"),
    (("blocks.10",), f"{KNOWN}, got 'blocks.10'"),
    ((1.0,), f"{KNOWN}, got 1.0"),
    ((), f"{ORDER}()"),
    ((2, 1), f"{ORDER}(2, 1)"),
    ((1, "blocks.1"), f"{ORDER}(1, 'blocks.1')"),
    (3, "`out_indices` must be a tuple such as (1, 2), got 3"),
    ("blocks.9", "`out_indices` must be a tuple such as (1, 2), got 'blocks.9'"),
]


def features(architecture: str, out_indices: Any = None, **config: Any) -> FeaturesConfig:
    return FeaturesConfig(architecture, configure(architecture, config), out_indices)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_feature_maps_are_timms(architecture: str) -> None:
    info = features(architecture).info

    assert {each.path: (each.channels, each.reduction) for each in info} == TIMM
    assert (info.module_name(), info.channels(), info.reduction()) == (
        list(TIMM),
        [channels for channels, _ in TIMM.values()],
        [reduction for _, reduction in TIMM.values()],
    )


@pytest.mark.parametrize(
    ("out_indices", "paths"),
    [
        ((1, 3), ("blocks.1", "blocks.5")),
        ((-2, -1), ("blocks.5", "blocks.7")),
        (
            [0, "blocks.8", "blocks.9", "conv_head"],
            ("conv_stem", "blocks.8", "blocks.9", "conv_head"),
        ),
    ],
)
def test_a_feature_map_is_asked_for_by_timms_number_or_by_its_path(
    out_indices: Any, paths: tuple[str, ...]
) -> None:
    assert features("ghostnet", out_indices).out_indices == paths


@pytest.mark.parametrize(("out_indices", "text"), REFUSED)
def test_what_names_no_feature_maps_is_refused(out_indices: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        features("ghostnet", out_indices)

    assert str(caught.value) == text


@pytest.mark.parametrize("form", ["training", "folded"])
@pytest.mark.parametrize(
    ("last", "first_left_out"),
    [
        ("conv_stem", "bn1"),
        ("blocks.6", "blocks.7.0"),
        ("blocks.8", "blocks.9.0"),
        ("blocks.9", "conv_head"),
        ("conv_head", "classifier"),
    ],
)
def test_what_comes_after_the_last_feature_map_is_no_part(
    last: str, first_left_out: str, form: str
) -> None:
    whole = configure("ghostnet", {"form": form})
    taken = list(FeaturesConfig("ghostnet", whole, (last,)).tensors())
    left = [spec for spec in whole.tensors() if spec not in taken]

    assert [*taken, *left] == list(whole.tensors())
    assert any(spec.name.startswith(joined(last, "")) for spec in taken)
    # Folded, the normalisation of the stem has no tensors of its own.
    expected = "blocks.0.0" if (form, last) == ("folded", "conv_stem") else first_left_out
    assert left[0].name.startswith(joined(expected, ""))
