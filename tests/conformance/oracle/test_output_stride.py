"""A network of finer maps has the coarse ones inside: dilation stands for the strides left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.oracle.weights_io import build
from tests.columns import normal, tensors_of

TINY = {"width": 0.1, "num_classes": 0}
# Stages from which on a stride is left out, and the divisor of the image before.
STRIDES = {5: 16, 6: 16, 7: 32, 8: 32, 9: 32}
BLOCK = {"c_in": 4, "c_mid": 8, "c_out": 6, "kernel_size": 5, "stride": 2}
SLOW = pytest.mark.slow
NETWORKS = [
    "ghostnet",
    *(pytest.param(name, marks=SLOW) for name in ("ghostnetv2", "ghostnetv3", "repghostnet")),
]


def ungated(architecture: str, **config: Any) -> dict[str, np.ndarray]:
    """Float64 tensors with which squeeze-and-excitation and attention see nothing of the map."""
    tensors = tensors_of(architecture, **config).items()
    constant = ("se.conv_expand.weight", "short_conv.5.weight")
    return {
        name: np.zeros(array.shape) if name.endswith(constant) else array.astype(np.float64)
        for name, array in tensors
    }


def assert_inside(fine: np.ndarray, coarse: np.ndarray, step: int) -> None:
    """Every so many rows and columns of one map are the other."""
    found = fine[:, :, ::step, ::step]
    assert found.shape == coarse.shape
    assert np.abs(found - coarse).max() <= 1e-12 * np.abs(coarse).max()


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("output_stride", [8, pytest.param(16, marks=SLOW)])
def test_a_finer_map_has_the_coarse_one_inside(architecture: str, output_stride: int) -> None:
    tensors, x = ungated(architecture, **TINY), normal(1, 3, 49, 66).astype(np.float64)
    coarse = build(architecture, TINY, tensors).stages(x)
    fine = build(architecture, {**TINY, "output_stride": output_stride}, tensors).stages(x)

    for stage, number in [("blocks.5.0", 5), ("blocks.6.4", 6), ("blocks.7.0", 7)]:
        assert_inside(fine[stage], coarse[stage], max(1, STRIDES[number] // output_stride))
    assert_inside(fine["blocks.9.0"], coarse["blocks.9.0"], 32 // output_stride)


@pytest.mark.parametrize("dilation", [2, 4])
@pytest.mark.parametrize("changed", [{}, {"branches": 2}, {"shortcut_kernel_size": 3}], ids=str)
def test_a_dilated_block_computes_the_strided_one_between_too(
    dilation: int, changed: dict[str, Any]
) -> None:
    config, entering = BLOCK | changed, dilation // 2
    tensors = ungated("ghost_bottleneck", **config)
    x = normal(2, 4, 4 * entering + 1, 6 * entering).astype(np.float64)

    fine = build("ghost_bottleneck", {**config, "dilation": dilation}, tensors)(x)

    coarse = build("ghost_bottleneck", config, tensors)(x[:, :, ::entering, ::entering])
    assert_inside(fine, coarse, dilation)
