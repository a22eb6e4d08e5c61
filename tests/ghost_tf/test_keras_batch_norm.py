"""Batch normalisation in training: which kernel computes it, and that it stores what ours would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.columns import normal

pytest.importorskip("keras")

import tensorflow as tf

import ghost_tf
from ghost_tf.framework.batch_norm import BatchNorm
from ghost_tf.framework.synchronised import checked_synchronized
from ghost_tf.layers import batch_norm
from weights import ArgumentError

KERNEL = "FusedBatchNormV3"
SHAPE = (4, 7, 5, 3)


def norm_of(momentum: float = 0.1, dtype: str = "float32", first: bool = False) -> Any:
    data_format = "channels_first" if first else "channels_last"
    return batch_norm(SHAPE[-1], 1e-5, momentum, data_format=data_format, dtype=dtype)


@pytest.mark.parametrize("offset", [0.0, 1e3], ids=["mean-0", "large-mean"])
@pytest.mark.parametrize("momentum", [0.0, 0.1, 1.0])
def test_a_step_normalises_by_the_biased_and_stores_the_unbiased_variance(
    momentum: float, offset: float
) -> None:
    norm = norm_of(momentum)
    x = normal(*SHAPE) + np.float32(offset)
    images = x.astype(np.float64)
    mean, var = images.mean((0, 1, 2)), images.var((0, 1, 2))

    output = norm(x, training=True)

    count = x.size // SHAPE[-1]
    wanted = (images - mean) / np.sqrt(var + 1e-5)
    unbiased = var * count / (count - 1)
    np.testing.assert_allclose(output, wanted, atol=1e-6 * max(1.0, offset))
    np.testing.assert_allclose(norm.moving_mean, momentum * mean, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        norm.moving_variance, (1 - momentum) + momentum * unbiased, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("options", "xla", "training", "is_fused"),
    [
        pytest.param({}, False, True, True, id="graph"),
        pytest.param({"dtype": "mixed_bfloat16"}, False, True, True, id="bfloat16"),
        pytest.param({}, False, False, False, id="inference"),
        pytest.param({}, True, True, False, id="xla-in-one-pass"),
        pytest.param({"dtype": "float64"}, False, True, False, id="float64"),
        pytest.param({"first": True}, False, True, False, id="channels-first"),
    ],
)
@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a CPU's kernel")
def test_tensorflow_s_kernel_computes_the_steps_that_it_computes_as_ours(
    options: dict[str, Any], xla: bool, training: bool, is_fused: bool
) -> None:
    norm = norm_of(**options)
    norm.build(SHAPE)
    graph = tf.function(lambda x: norm(x, training=training), jit_compile=xla)
    concrete = graph.get_concrete_function(tf.TensorSpec(SHAPE, norm.compute_dtype))

    assert (KERNEL in {each.type for each in concrete.graph.get_operations()}) is is_fused


def test_synchronized_is_for_every_norm_inside_and_is_saved() -> None:
    layer = ghost_tf.GhostBottleneck(4, 8, 6, synchronized=True)

    again = ghost_tf.GhostBottleneck.from_config(layer.get_config())

    norms = [each for each in again._flatten_layers() if isinstance(each, BatchNorm)]
    assert len(norms) >= 4
    assert all(norm.synchronized for norm in norms)
    assert "synchronized" not in ghost_tf.GhostBottleneck(4, 8, 6).get_config()


def test_on_one_replica_synchronized_changes_nothing() -> None:
    x = normal(*SHAPE)
    plain, synchronised = norm_of(), norm_of()
    synchronised.synchronized = True

    np.testing.assert_allclose(synchronised(x, training=True), plain(x, training=True), atol=1e-6)
    np.testing.assert_allclose(synchronised.moving_variance, plain.moving_variance, rtol=1e-6)


def test_synchronized_is_refused_where_the_backend_has_no_replicas(monkeypatch: Any) -> None:
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")

    with pytest.raises(ArgumentError, match="`synchronized` must be False on Keras' backend jax"):
        checked_synchronized(True)
