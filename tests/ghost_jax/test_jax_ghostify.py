"""`replace_convolutions` on Flax NNX modules: in place, wherever a module can stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")
pytest.importorskip("optax")

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from ghost_jax import GhostConv, replace_convolutions
from tests.columns import normal

pytestmark = pytest.mark.slow  # XLA compiles the fresh kernels of every shape


def conv(c_in: int = 8, c_out: int = 8, **options: Any) -> nnx.Conv:
    init = {"kernel_init": nnx.initializers.ones, "rngs": nnx.Rngs(0)}
    return nnx.Conv(c_in, c_out, (3, 3), **{"use_bias": False, **init, **options})


class MyConv(nnx.Conv):
    """A convolution of its own class."""


class Places(nnx.Module):
    """Convolutions wherever a module can stand, the first of them twice."""

    def __init__(self) -> None:
        self.attribute = conv()
        self.list = nnx.List([conv(), self.attribute])
        self.dict = nnx.Dict(inner=nnx.Sequential(conv(), nnx.relu))
        self.plain = nnx.data({"a": [conv()]})
        self.pair = nnx.data((conv(),))


class Classifier(nnx.Module):
    """A convolution with normalisation, and a linear layer."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.conv = conv(3, 16)
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.linear = nnx.Linear(256, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm(self.conv(x)))
        return self.linear(x.reshape(len(x), -1))


class Stubborn(nnx.Module):
    """A module that gives no convolution away."""

    def __init__(self) -> None:
        self.conv = conv()

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, GhostConv):
            raise RuntimeError("mine")
        super().__setattr__(name, value)


@nnx.jit
def step(model: Any, optimiser: Any, images: jax.Array, labels: jax.Array) -> None:
    """One step of an ordinary training loop."""

    def loss_of(model: Any) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()

    optimiser.update(model, nnx.grad(loss_of)(model))


def replaced(model: nnx.Module, **options: Any) -> Any:
    """The report on a model that was changed in place."""
    same, report = replace_convolutions(model, **options, rngs=nnx.Rngs(0))
    assert same is model
    return report


INIT: dict[str, Any] = {"kernel_init": nnx.initializers.ones}
LEFT = [
    (
        "1-D",
        lambda: nnx.Conv(8, 8, 3, rngs=nnx.Rngs(0), **INIT),
        "a 1-D convolution, GhostConv is 2-D",
    ),
    (
        "transposed",
        lambda: nnx.ConvTranspose(8, 8, (3, 3), rngs=nnx.Rngs(0), **INIT),
        "a transposed convolution",
    ),
    (
        "own class",
        lambda: MyConv(8, 8, (3, 3), rngs=nnx.Rngs(0), **INIT),
        "it is of a class of its own, MyConv",
    ),
    (
        "depthwise",
        lambda: conv(feature_group_count=8),
        "a depthwise convolution, cheap already",
    ),
    (
        "circular",
        lambda: conv(padding="CIRCULAR"),
        "it pads with 'circular', GhostConv with zeros",
    ),
    (
        "strided SAME",
        lambda: conv(strides=2),
        "it pads one side more than the other, GhostConv pads both alike; got kernel_size 3, "
        "stride 2",
    ),
    ("masked", lambda: conv(mask=jnp.ones((3, 3, 8, 8))), "its kernel is masked"),
    (
        "input dilation",
        lambda: conv(input_dilation=2),
        "it dilates its input, as a transposed convolution does",
    ),
    (
        "own function",
        lambda: conv(conv_general_dilated=lambda *a, **k: None),
        "it convolves by a function of its own",
    ),
    (
        "complex",
        lambda: conv(param_dtype=jnp.complex64),
        "its kernel is of complex64, no floating point type",
    ),
    (
        "abstract",
        lambda: nnx.eval_shape(conv),
        "it is abstract: its kernel has a shape and no values",
    ),
    (
        "vmap",
        lambda: nnx.vmap(lambda _: conv())(jnp.arange(2)),
        "its kernel has 5 axes: made under a vmap",
    ),
]


@pytest.mark.parametrize(("make", "reason"), [pytest.param(*row, id=name) for name, *row in LEFT])
def test_what_is_left_has_a_reason(make: Any, reason: str) -> None:
    model = nnx.List([make()])

    report = replaced(model)

    assert [each.reason for each in report.kept] == [reason]
    assert not isinstance(model[0], GhostConv)


def test_a_convolution_is_replaced_wherever_it_stands() -> None:
    model = Places()

    report = replaced(model)

    paths = ["attribute", "list.0", "dict.inner.layers.0", "plain.a.0"]
    assert [each.path for each in report.replaced] == paths
    assert report.replaced[0].aliases == ("list.1",)
    assert isinstance(model.attribute, GhostConv)
    assert model.list[1] is model.attribute
    assert isinstance(model.dict["inner"].layers[0], GhostConv)
    assert isinstance(model.plain["a"][0], GhostConv)
    assert [str(each) for each in report.kept] == ["it stands in a tuple, which cannot be changed"]


def test_convolutions_with_one_kernel_are_left() -> None:
    model = nnx.List([conv(), conv()])
    model[1].kernel = model[0].kernel

    report = replaced(model)

    assert [each.reason for each in report.kept] == ["it shares parameters with another module"] * 2


def test_types_and_evaluation_are_kept() -> None:
    model = nnx.List([conv(dtype=jnp.bfloat16, param_dtype=jnp.float16), nnx.Dropout(0.5)])
    model.eval()

    replaced(model)

    assert model[0].primary_conv[0].kernel.get_value().dtype == jnp.float16
    assert model[0](jnp.ones((1, 4, 4, 8))).dtype == jnp.bfloat16
    assert model[0].primary_conv[1].use_running_average


def test_what_is_dropped_is_noted() -> None:
    model = nnx.List([conv(use_bias=True, precision="high")])

    assert replaced(model).replaced[0].notes == (
        "its precision is dropped",
        "its bias is left to the batch normalisation",
    )


def test_a_module_that_refuses_leaves_all_as_they_were() -> None:
    model = nnx.List([conv(), Stubborn()])
    before = [module for _, module in nnx.iter_modules(model)]

    with pytest.raises(RuntimeError, match="mine"):
        replaced(model)

    after = [module for _, module in nnx.iter_modules(model)]
    assert all(new is old for new, old in zip(after, before, strict=True))


def test_a_replaced_model_trains() -> None:
    model = Classifier()
    replaced(model)
    optimiser = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)
    before = jax.tree.map(np.array, nnx.state(model, nnx.Param))

    step(model, optimiser, jnp.asarray(normal(4, 4, 4, 3)), jnp.array([0, 1, 2, 0]))

    after = nnx.state(model, nnx.Param)
    moved = jax.tree.map(lambda old, new: not np.array_equal(old, new), before, after)
    assert all(jax.tree.leaves(moved))
    assert isinstance(model.conv, GhostConv)
