"""Where modules stand in Flax and Keras: attributes, lists, dicts, names; and what is no module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weights import ArgumentError, MismatchError, read_file

SHAPE = (1, 4, 4, 3)


def paths_of(path: Path) -> list[str]:
    return [module["path"] for module in read_file(path).config["modules"]]


def flax_network() -> Any:
    nnx = pytest.importorskip("flax.nnx")
    made = nnx.Dict()
    ones = {"kernel_init": nnx.initializers.ones, "rngs": nnx.Rngs(0)}
    made.stages = nnx.List([nnx.Linear(2, 2, **ones), nnx.Dropout(0.5, rngs=nnx.Rngs(1))])
    made.heads = nnx.Dict(a=nnx.Linear(2, 3, **ones), b=nnx.Linear(2, 3, **ones))
    made.tail = nnx.Sequential(nnx.relu, nnx.Linear(3, 3, **ones))
    return made


def test_paths_of_flax_are_attributes_and_numbers(tmp_path: Path) -> None:
    import ghost_jax

    made = flax_network()
    made.again = made.tail

    ghost_jax.save_weights(made, tmp_path / "file")
    ghost_jax.load_weights(flax_network(), tmp_path / "file")

    # PyTorch's Sequential has no `layers` in its paths either.
    assert paths_of(tmp_path / "file") == ["heads.a", "heads.b", "stages.0", "tail.1"]


def test_values_of_flax_outside_of_layers_are_named(tmp_path: Path) -> None:
    import jax.numpy as jnp
    from flax import nnx

    import ghost_jax

    made = flax_network()
    made.scale = nnx.Param(jnp.ones(2))
    made.stages.append(nnx.Param(jnp.ones(2)))
    made.heads.table = jnp.ones(2)
    made.tail.layers[1].gain = nnx.Param(jnp.ones(2))

    with pytest.raises(ArgumentError) as error:
        ghost_jax.save_weights(made, tmp_path / "file")

    known = "and is of no kind that is known: `register` makes one known"
    assert str(error.value).splitlines()[1:] == [
        f"  - (the whole) (Dict): it holds scale {known}",
        f"  - 'stages' (List): it holds 2 {known}",
        f"  - 'heads' (Dict): it holds table {known}",
        "  - 'tail.1' (Linear): it holds gain beside the tensors of its kind",
    ]


def test_what_a_call_of_flax_leaves_behind_is_no_part_of_a_network(tmp_path: Path) -> None:
    import jax.numpy as jnp
    from flax import nnx

    import ghost_jax

    made = flax_network()
    made.tail.h = nnx.Intermediate(jnp.ones(2))
    made.heads.cached_key = nnx.Cache(jnp.ones(2))

    ghost_jax.save_weights(made, tmp_path / "file")

    assert paths_of(tmp_path / "file") == ["heads.a", "heads.b", "stages.0", "tail.1"]


def test_a_layer_of_flax_that_computes_by_a_function_of_the_users_is_named(tmp_path: Path) -> None:
    import ghost_jax

    made = flax_network()
    made.heads.a.dot_general = lambda *arguments, **options: None

    with pytest.raises(ArgumentError, match=r"'heads.a' .*: it computes by a `dot_general` of its"):
        ghost_jax.save_weights(made, tmp_path / "file")


def keras_layers() -> Any:
    return pytest.importorskip("keras").layers


def built(network: Any) -> Any:
    network(np.zeros(SHAPE, np.float32))
    return network


def test_paths_of_keras_are_attributes_names_and_numbers(tmp_path: Path) -> None:
    layers = keras_layers()
    import keras

    import ghost_tf

    class Network(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.stem = layers.Conv2D(4, 3)
            self.blocks = [layers.Conv2D(4, 1), layers.ReLU(), ghost_tf.GhostConv(4, 4)]
            self.heads = {"a": layers.Dense(2), "b": layers.Dense(2)}
            self.tail = keras.Sequential(
                [layers.ReLU(), layers.Dense(2), layers.Dense(3, name="x")]
            )

        def call(self, x: Any) -> Any:
            x = self.stem(x)
            for block in self.blocks:
                x = block(x)
            return self.tail(self.heads["a"](x) + self.heads["b"](x))

    network = built(Network())

    ghost_tf.save_weights(network, tmp_path / "file")
    ghost_tf.load_weights(built(Network()), tmp_path / "file")

    assert paths_of(tmp_path / "file") == [
        "blocks.0", "blocks.2", "heads.a", "heads.b", "stem", "tail.1", "tail.x",
    ]  # fmt: skip


def functional(*names: str | None) -> Any:
    import keras

    layers = keras_layers()
    image = x = keras.Input(SHAPE[1:])
    for name in names:
        x = layers.Conv2D(3, 1, name=name)(x)
    return keras.Model(image, x)


def test_layers_of_keras_without_names_are_loaded_by_order_alone(tmp_path: Path) -> None:
    import ghost_tf

    ghost_tf.save_weights(functional("first", None, None), tmp_path / "file")
    other = functional("first", None, None)

    assert paths_of(tmp_path / "file") == ["conv2d", "conv2d_1", "first"]
    with pytest.raises(MismatchError) as error:
        ghost_tf.load_weights(other, tmp_path / "file")
    assert error.value.problems == tuple(
        f"'{path}' (convolution) has no name of its own: give the layer `name`, or load by "
        "position with by_order=True"
        for path in ("conv2d", "conv2d_1")
    )
    report = ghost_tf.load_weights(other, tmp_path / "file", by_order=True)
    assert [here for _, here in report.pairs] == ["first", "conv2d", "conv2d_1"]


def test_what_keras_holds_that_no_file_tells_is_named(tmp_path: Path) -> None:
    import keras

    import ghost_tf

    layers = keras_layers()

    class Scale(layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=shape[-1:], name="scale")

        def call(self, x: Any) -> Any:
            return x * self.scale

    class Network(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale()
            self.later = layers.Dense(2)

        def build(self, shape: Any) -> None:
            self.scale.build(shape)

        def call(self, x: Any) -> Any:
            return self.scale(x)

    with pytest.raises(ArgumentError) as error:
        ghost_tf.save_weights(built(Network()), tmp_path / "file")

    assert str(error.value).splitlines()[1:] == [
        "  - 'scale' (Scale): it holds scale and is of no kind that is known: `register` makes one "
        "known",
        "  - 'later' (Dense): it has seen no input yet, so its channels are not known: call the "
        "model once before",
    ]


def test_a_registered_layer_travels(tmp_path: Path) -> None:
    from dataclasses import dataclass

    import jax.numpy as jnp
    import torch
    from flax import nnx

    import ghost_jax
    import ghost_torch
    import weights
    from weights.modules.ordinary.kinds import REGISTERED

    @dataclass(frozen=True)
    class ScaleConfig(weights.LayerConfig):
        channels: int

        def shapes(self) -> dict[str, tuple[int, ...]]:
            return {"weight": (self.channels,)}

    class TorchScale(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.rand(3))

    class FlaxScale(nnx.Module):
        def __init__(self) -> None:
            self.weight = nnx.Param(jnp.zeros(3))

    def read(layer: Any) -> weights.Layer:
        return weights.Layer("scale", {"channels": 3}, {"weight": weights.Place(layer.weight)})

    weights.register("scale", ScaleConfig)
    try:
        ghost_torch.register(TorchScale, read)
        ghost_jax.register(FlaxScale, read)
        source, other = TorchScale(), FlaxScale()
        ghost_torch.save_weights(torch.nn.ModuleDict({"s": source}), tmp_path / "file")
        ghost_jax.load_weights(nnx.Dict(s=other), tmp_path / "file")
        with pytest.raises(ArgumentError, match="`kind` must be a new name, got 'scale', which is"):
            weights.register("scale", type("Other", (ScaleConfig,), {}))
    finally:
        del REGISTERED["scale"]

    assert np.array_equal(np.asarray(other.weight[...]), source.weight.detach().numpy())
    with pytest.raises(ArgumentError, match=r"module 's': `kind` must be one of .* got 'scale'"):
        read_file(tmp_path / "file")


def test_an_activation_of_keras_with_weights_of_its_own_is_named(tmp_path: Path) -> None:
    layers = keras_layers()
    import keras

    import ghost_tf

    made = built(keras.Sequential([layers.Dense(2, activation=layers.PReLU(), name="fc")]))

    with pytest.raises(ArgumentError, match=r"'fc' .*: it holds alpha beside the tensors of its"):
        ghost_tf.save_weights(made, tmp_path / "file")
