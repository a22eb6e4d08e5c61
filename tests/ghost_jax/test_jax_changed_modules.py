"""A module that was changed by hand is saved as it is now, or refused by the path of the change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from flax import nnx

import ghost_jax
from weights import ArgumentError, write_file

pytestmark = pytest.mark.slow

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "stride": 2}
NETWORK: dict[str, Any] = {"num_classes": 3, "width": 0.1}
Module = Any


def layer(seed: int = 0) -> Module:
    """A layer with random tensors."""
    return ghost_jax.weights_io.build(
        "ghost_conv", LAYER, tensors_of("ghost_conv", seed=seed, **LAYER)
    )


def network() -> Module:
    """A small network with random tensors."""
    return ghost_jax.weights_io.build("ghostnet", NETWORK, tensors_of("ghostnet", **NETWORK))


def leaky_relu(x: jax.Array) -> jax.Array:
    """A function that no configuration names."""
    return nnx.leaky_relu(x)


def low_rank_classifier(net: Module) -> None:
    net.classifier = nnx.LoRALinear(1280, 3, lora_rank=2, rngs=nnx.Rngs(0))


def low_rank_beside(net: Module) -> None:
    net.classifier = nnx.LoRA(1280, 2, 3, base_module=net.classifier, rngs=nnx.Rngs(0))


def quantised(made: Module) -> None:
    kernel = made.primary_conv.conv.kernel
    kernel.set_value((kernel.get_value() * 100).astype(jnp.int8))


def pair_of_arrays(made: Module) -> None:
    kernel = made.primary_conv.conv.kernel
    kernel.set_value({"codes": kernel.get_value(), "scale": jnp.ones(3)})


class Doubled(nnx.Param):
    """A parameter of which the layer sees twice its value."""

    def get_value(self, **options: Any) -> Any:
        return 2 * super().get_value(**options)


def doubled(made: Module) -> None:
    conv = made.primary_conv.conv
    conv.kernel = Doubled(conv.kernel.get_value())


def bare_array(made: Module) -> None:
    made.primary_conv.conv.kernel = nnx.data(made.primary_conv.conv.kernel.get_value())


def shared(made: Module) -> None:
    made.cheap_conv.norm.scale = made.cheap_conv.norm.bias


def masked(made: Module) -> None:
    conv = made.primary_conv.conv
    conv.mask = nnx.data(jnp.ones(conv.kernel.shape))


def stacked(made: Module) -> None:
    kernel = made.primary_conv.conv.kernel
    kernel.set_value(jnp.stack([kernel.get_value()] * 2))


def with_bias(made: Module) -> None:
    made.primary_conv.conv = nnx.Conv(3, 2, (1, 1), 2, padding=((0, 0), (0, 0)), rngs=nnx.Rngs(0))


def without_scale(made: Module) -> None:
    made.cheap_conv.norm.scale = nnx.data(None)


def sequence(made: Module) -> None:
    made.primary_conv.norm = nnx.Sequential(made.primary_conv.norm)


def two_eps(made: Module) -> None:
    made.primary_conv.norm.epsilon = 1e-3


def other_activation(made: Module) -> None:
    made.primary_conv.act = leaky_relu


def own_convolution(made: Module) -> None:
    made.primary_conv.conv.conv_general_dilated = leaky_relu


CHANGES: list[tuple[Callable[[], Module], Callable[[Module], None], str]] = [
    (network, low_rank_classifier, "'classifier' is LoRALinear, not Linear"),
    (network, low_rank_beside, "'classifier' is LoRA, not Linear"),
    (layer, quantised, "'primary_conv.conv' has kernel given in int8, not given"),
    (layer, pair_of_arrays, "'primary_conv.conv' has kernel dict, not given"),
    (layer, doubled, "'primary_conv.conv' has kernel made by Doubled, not given"),
    (layer, bare_array, "'primary_conv.conv' has kernel an array, not given"),
    (layer, shared, "'cheap_conv.norm' has bias that of 'cheap_conv.norm.scale', not given"),
    (layer, masked, "'primary_conv.conv' has mask an array, not None"),
    (layer, stacked, "'primary_conv.conv' has kernel given in shape (2, "),
    (layer, with_bias, "'primary_conv.conv' is Conv, not PointwiseConvolution"),
    (layer, without_scale, "'cheap_conv.norm' has scale None, not given"),
    (layer, sequence, "'primary_conv.norm' is Sequential, not BatchNorm"),
    (layer, two_eps, "'primary_conv.norm' has eps 0.001, not 1e-05"),
    (layer, other_activation, f"'primary_conv.act' is {__name__}.leaky_relu, not relu"),
    (layer, own_convolution, "'primary_conv.conv' has conv_general_dilated "),
]
IDS = [change.__name__ for _, change, _ in CHANGES]


@pytest.mark.parametrize(("make", "change", "problem"), CHANGES, ids=IDS)
def test_a_change_that_no_configuration_describes_is_refused_by_path(
    make: Callable[[], Module], change: Callable[[Module], None], problem: str, tmp_path: Path
) -> None:
    made = make()
    tensors = ghost_jax.state(made)
    write_file(tmp_path / "module.safetensors", made.architecture, made.config, tensors)
    change(made)
    before = jax.tree.leaves(nnx.state(made))

    acts: list[Callable[[], Any]] = [
        lambda: ghost_jax.state(made),
        lambda: ghost_jax.save_weights(made, tmp_path / "changed.safetensors"),
        lambda: ghost_jax.load_weights(made, tmp_path / "module.safetensors"),
        lambda: ghost_jax.set_state(made, tensors),
        lambda: ghost_jax.deploy(made),
    ]
    for act in acts:
        with pytest.raises(ArgumentError) as error:
            act()
        assert problem in str(error.value)

    after = jax.tree.leaves(nnx.state(made))
    assert all(new is old for new, old in zip(after, before, strict=True))


def test_an_activation_of_jax_itself_is_that_activation() -> None:
    made = layer()
    made.primary_conv.act = made.cheap_conv.act = jax.nn.relu

    assert_same_state(ghost_jax.state(made), ghost_jax.state(layer()))


@pytest.mark.parametrize(
    ("name", "value", "argument", "wanted"),
    [
        ("epsilon", 1e-3, "bn_eps", 1e-3),
        ("momentum", 0.97, "bn_momentum", 0.03),
        ("rate", 0.5, "dropout", 0.5),
    ],
)
def test_one_value_in_all_layers_is_taken_over(
    name: str, value: float, argument: str, wanted: float, tmp_path: Path
) -> None:
    made = network()
    for _, each in nnx.iter_modules(made):
        if hasattr(each, name):
            setattr(each, name, value)

    ghost_jax.save_weights(made, tmp_path / "network.safetensors")

    assert ghost_jax.from_file(tmp_path / "network.safetensors").config[argument] == wanted


def test_a_deployed_layer_computes_with_the_eps_that_was_set_by_hand() -> None:
    made, x = layer(), normal(2, 7, 6, 3)
    made.eval()
    for half in (made.primary_conv, made.cheap_conv):
        half.norm.epsilon = 0.5

    output = ghost_jax.deploy(made)(x)

    np.testing.assert_allclose(output, made(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("act", "other"),
    [("state", nnx.Dropout(0.5)), ("state", None), ("deploy", object()), ("deploy", None)],
)
def test_what_is_no_module_of_this_package_is_refused(act: str, other: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^`module` must be one of GhostConv, GhostConvV2"):
        getattr(ghost_jax, act)(other)
