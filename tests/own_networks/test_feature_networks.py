"""Feature maps as modules: the oracle's stages, with the weights of the whole network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.oracle.weights_io import build
from tests.columns import Column, JaxColumn, KerasColumn, in_every_column, normal, tensors_of
from weights import ArgumentError, MismatchError

SMALL = {"width": 0.1, "num_classes": 3}
# Architecture, its arguments, which feature maps, and the stages that they are.
WHOLE = ("conv_stem", "blocks.5.0", "blocks.8.3", "blocks.9.0", "conv_head")
CASES = [
    ("repghostnet", SMALL, (0, 1), ("conv_stem", "blocks.1.0")),
    *(
        pytest.param(*row, marks=pytest.mark.matrix)
        for row in (
            ("ghostnetv2", SMALL, (0, 3, "blocks.8", "blocks.9", "conv_head"), WHOLE),
            ("ghostnet", {**SMALL, "output_stride": 8}, (3, -1), ("blocks.5.0", "blocks.7.0")),
            ("ghost_resnet20", {}, ("stem", 1), ("stem", "layer2")),
            ("ghost_vgg16", {"ratio": 4}, (0, 2), ("features.0", "features.2")),
        )
    ),
]
X = normal(2, 3, 64, 64)


def feature_network(column: Column, architecture: str, out_indices: Any, **config: Any) -> Any:
    tensors = tensors_of(architecture, **config)
    return column.package.FeatureNetwork(column.load(architecture, tensors, **config), out_indices)


def run(column: Column, module: Any, x: np.ndarray) -> list[np.ndarray]:
    """The feature maps in inference, as NCHW arrays."""
    if isinstance(column, KerasColumn):
        outputs = module(column.native(x), training=False)
    else:
        module.eval()
        call = column._call if isinstance(column, JaxColumn) else lambda module, x: module(x)
        outputs = call(module, column.native(x))
    return [column.array(each) for each in outputs]


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize(("architecture", "config", "out_indices", "stages"), CASES)
def test_feature_maps_are_the_stages_of_the_oracle(
    column: Column,
    architecture: str,
    config: dict[str, Any],
    out_indices: Any,
    stages: tuple[str, ...],
) -> None:
    found = run(column, feature_network(column, architecture, out_indices, **config), X)

    oracle = build(architecture, config, tensors_of(architecture, **config))
    wanted = oracle.stages(X.astype(np.float64))
    for array, stage in zip(found, stages, strict=True):
        assert array.shape == wanted[stage].shape
        assert np.abs(array - wanted[stage]).max() < 1e-4 * np.abs(wanted[stage]).max()


@pytest.mark.matrix
@in_every_column
def test_the_file_of_the_whole_network_fills_it_and_says_what_is_left_out(
    column: Column, tmp_path: Path
) -> None:
    whole = column.load("ghostnet", tensors_of("ghostnet", seed=1, **SMALL), **SMALL)
    column.package.save_weights(whole, tmp_path / "whole.safetensors")
    features = feature_network(column, "ghostnet", (1, 2), **SMALL)

    report = column.package.load_weights(features, tmp_path / "whole.safetensors")

    assert report.pairs[0] == ("conv_stem", "conv_stem")
    numbers = ", ".join(f"blocks.{number}" for number in range(4, 10))
    assert report.notes == (
        f"left out, for no feature map needs it: {numbers}, conv_head, classifier",
    )
    wanted = run(column, column.package.FeatureNetwork(whole, (1, 2)), X)
    for array, other in zip(run(column, features, X), wanted, strict=True):
        np.testing.assert_array_equal(array, other)


@pytest.mark.matrix
@in_every_column
def test_its_own_file_is_the_same_bytes_in_every_framework(column: Column, tmp_path: Path) -> None:
    torch = pytest.importorskip("ghost_torch")
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    tensors = tensors_of("ghostnet", **SMALL)
    first = torch.FeatureNetwork(torch.weights_io.build("ghostnet", SMALL, tensors), ("blocks.9",))
    torch.save_weights(first, paths[0])
    again = feature_network(column, "ghostnet", ("blocks.9",), **SMALL)

    column.package.load_weights(again, paths[0])
    column.package.save_weights(again, paths[1])

    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.slow
@in_every_column
def test_a_file_of_another_width_changes_nothing(column: Column, tmp_path: Path) -> None:
    other = {**SMALL, "width": 0.2}
    whole = column.load("ghostnet", tensors_of("ghostnet", **other), **other)
    column.package.save_weights(whole, tmp_path / "a.safetensors")
    features = feature_network(column, "ghostnet", (0,), **SMALL)

    with pytest.raises(MismatchError) as caught:
        column.package.load_weights(features, tmp_path / "a.safetensors")

    assert str(caught.value).endswith("`width` is 0.2 in the file and 0.1 in the module")


@pytest.mark.slow
@in_every_column
def test_a_variant_makes_it_of_features_only(column: Column) -> None:
    made = column.make("ghostnet_050", features_only=True, out_indices=(-1,), output_stride=16)

    assert type(made) is column.package.FeatureNetwork
    assert (made.feature_info.channels(), made.feature_info.reduction()) == ([80], [16])


@in_every_column
@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"out_indices": (1,)},
            "`out_indices` must be left out of a whole network, got it without features_only=True",
        ),
        ({"features_only": "yes"}, "`features_only` must be True or False, got 'yes'"),
    ],
)
def test_what_contradicts_features_only_is_refused(
    column: Column, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        column.make("ghostnet_050", **options)

    assert str(caught.value) == text


@in_every_column
def test_what_is_no_network_has_no_feature_maps(column: Column) -> None:
    with pytest.raises(ArgumentError) as caught:
        column.package.FeatureNetwork(column.make("GhostConv", 3, 4))

    assert str(caught.value) == "`network` must be a network, got GhostConv"


DISTRIBUTED = """
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

import ghost_torch

distributed.init_process_group("gloo")
torch.manual_seed(0)
network = ghost_torch.GhostNet(0.1, 3)
model = DistributedDataParallel(ghost_torch.FeatureNetwork(network, (1, "blocks.9")))
optimizer = torch.optim.SGD(model.parameters(), 0.01)
for _ in range(2):  # a parameter without a gradient stops the second step
    optimizer.zero_grad()
    sum(x.square().mean() for x in model(torch.randn(2, 3, 64, 64))).backward()
    optimizer.step()
total = sum(parameter.detach().double().sum() for parameter in model.parameters())
totals = [torch.zeros_like(total) for _ in range(2)]
distributed.all_gather(totals, total)
assert totals[0] == totals[1], totals
"""


@pytest.mark.matrix
def test_torch_exports_and_compiles_it() -> None:
    torch = pytest.importorskip("torch")
    ghost_torch = pytest.importorskip("ghost_torch")
    module = ghost_torch.FeatureNetwork(ghost_torch.GhostNet(0.1, 3), (1, "blocks.9")).eval()
    x = torch.from_numpy(X)
    wanted = module(x)

    exported = torch.export.export(module, (x,)).module()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)

    for run in (exported, compiled):
        for array, other in zip(run(x), wanted, strict=True):
            torch.testing.assert_close(array, other)


@pytest.mark.matrix
def test_jax_exports_it_for_all_sizes() -> None:
    jax, nnx = pytest.importorskip("jax"), pytest.importorskip("flax.nnx")
    ghost_jax = pytest.importorskip("ghost_jax")
    module = ghost_jax.FeatureNetwork(ghost_jax.GhostNet(0.1, 3, rngs=nnx.Rngs(0)), (1,))
    module.eval()
    graph, state = nnx.split(module)
    shape = jax.export.symbolic_shape("b, h, w, 3", constraints=["h >= 33", "w >= 33"])
    x = jax.ShapeDtypeStruct(shape, np.float32)

    exported = jax.export.export(jax.jit(lambda x: nnx.merge(graph, state)(x)))(x)

    assert [each.shape for each in exported.call(np.zeros((2, 48, 64, 3), np.float32))] == [
        (2, 12, 16, 4)
    ]


@pytest.mark.matrix
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
def test_keras_saves_it_alone_and_in_a_functional_model(tmp_path: Path) -> None:
    keras, tf = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    ghost_tf = pytest.importorskip("ghost_tf")
    module = ghost_tf.FeatureNetwork(ghost_tf.GhostNet(0.1, 3), (1, "blocks.9"))
    inputs = keras.Input((64, 64, 3))
    model = keras.Model(inputs, module(inputs))
    x = X.transpose(0, 2, 3, 1)
    wanted = [each.numpy() for each in module(x, training=False)]

    module.save(tmp_path / "module.keras")
    model.save(tmp_path / "model.keras")
    module.export(tmp_path / "saved", verbose=False)

    alone, inside = (
        keras.models.load_model(tmp_path / f"{name}.keras") for name in ("module", "model")
    )
    saved = tf.saved_model.load(tmp_path / "saved")
    for outputs in (alone(x, training=False), inside(x, training=False), saved.serve(x)):
        for array, other in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(array, other, rtol=1e-4, atol=1e-5)


@pytest.mark.matrix
def test_two_processes_train_it_without_unused_parameters(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    program = tmp_path / "program.py"
    program.write_text(DISTRIBUTED)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [sys.executable, *launcher, str(program)]

    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[2]
    )

    assert done.returncode == 0, done.stderr[-2000:]
