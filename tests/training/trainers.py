"""A training loop in each framework, as its own users write it."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import optax
import tensorflow as tf
import torch
from flax import nnx

import ghost_jax
import ghost_tf
import ghost_torch
from tests.training.trajectories import CASE, Checkpoint, Optimizer, Slots, Tensors, trainable
from weights import configure

SPECS = {spec.name: spec for spec in configure(CASE.architecture, CASE.config).tensors()}


class TorchTrainer:
    """torch.optim."""

    def __init__(self, checkpoint: Checkpoint, rule: Optimizer) -> None:
        self.module = ghost_torch.weights_io.build(
            CASE.architecture, CASE.config, checkpoint.tensors
        ).train()
        specs = [SPECS[name] for name in trainable()]
        self.parameters = ghost_torch.weights_io.FRAMEWORK.variables_of(self.module, specs)
        options: dict[str, Any] = {"lr": rule.rate, "weight_decay": rule.weight_decay}
        if rule.name == "sgd":
            sgd = {"momentum": rule.momentum, "dampening": 0.0, "nesterov": False}
            self.optimizer = torch.optim.SGD(self.parameters.values(), **options, **sgd)
        else:
            adamw = {"betas": rule.betas, "eps": rule.eps, "amsgrad": False}
            self.optimizer = torch.optim.AdamW(self.parameters.values(), **options, **adamw)
        self.names, self.steps = self._names(rule), checkpoint.slots.steps
        if checkpoint.slots.steps:
            self._remember(checkpoint.slots)

    def step(self, x: np.ndarray, target: np.ndarray) -> None:
        self.optimizer.zero_grad()
        difference = self.module(torch.from_numpy(x)) - torch.from_numpy(target)
        (0.5 * (difference**2).mean()).backward()
        self.optimizer.step()
        self.steps += 1

    def checkpoint(self) -> Checkpoint:
        states = {name: self.optimizer.state[each] for name, each in self.parameters.items()}
        first, second = (
            {name: state[key].numpy().copy() for name, state in states.items()} if key else {}
            for key in self.names
        )
        return Checkpoint(ghost_torch.state(self.module), Slots(self.steps, first, second))

    def _names(self, rule: Optimizer) -> tuple[str, str]:
        return ("momentum_buffer", "") if rule.name == "sgd" else ("exp_avg", "exp_avg_sq")

    def _remember(self, slots: Slots) -> None:
        for name, parameter in self.parameters.items():
            state = self.optimizer.state[parameter]
            for key, arrays in zip(self.names, (slots.first, slots.second), strict=True):
                if key:
                    state[key] = torch.from_numpy(arrays[name].copy())
            if self.names[1]:
                state["step"] = torch.tensor(float(slots.steps))


class JaxTrainer:
    """optax, through nnx.Optimizer."""

    def __init__(self, checkpoint: Checkpoint, rule: Optimizer) -> None:
        build = ghost_jax.weights_io.build
        self.module = build(CASE.architecture, CASE.config, checkpoint.tensors)
        self.module.train()
        self.rule, self.steps = rule, checkpoint.slots.steps
        self.optimizer = nnx.Optimizer(self.module, _optax(rule), wrt=nnx.Param)
        if self.steps:
            self._remember(checkpoint.slots)

    def step(self, x: np.ndarray, target: np.ndarray) -> None:
        native = [jnp.asarray(array.transpose(0, 2, 3, 1)) for array in (x, target)]
        _jax_step(self.module, self.optimizer, *native)
        self.steps += 1

    def checkpoint(self) -> Checkpoint:
        memory = self._memory()
        first = self._canonical(memory.trace if self.rule.name == "sgd" else memory.mu)
        second = {} if self.rule.name == "sgd" else self._canonical(memory.nu)
        return Checkpoint(ghost_jax.state(self.module), Slots(self.steps, first, second))

    def _memory(self) -> Any:
        """The part of optax' state that is not empty."""
        state = self.optimizer.opt_state
        return state[1][0] if self.rule.name == "sgd" else state[0]

    def _canonical(self, tree: Any) -> Tensors:
        return {
            name: ghost_jax.weights_io.FRAMEWORK.to_canonical(_leaf(tree, name), SPECS[name])
            for name in trainable()
        }

    def _remember(self, slots: Slots) -> None:
        memory = self._memory()
        trees = (
            [(memory.trace, slots.first)]
            if self.rule.name == "sgd"
            else [(memory.mu, slots.first), (memory.nu, slots.second)]
        )
        for tree, arrays in trees:
            for name in trainable():
                leaf = _leaf(tree, name)
                leaf.set_value(
                    ghost_jax.weights_io.FRAMEWORK.to_native(arrays[name], SPECS[name], leaf)
                )
        if self.rule.name == "adamw":
            memory.count.set_value(jnp.asarray(slots.steps, jnp.int32))


def _optax(rule: Optimizer) -> optax.GradientTransformation:
    if rule.name == "sgd":
        decay = optax.add_decayed_weights(rule.weight_decay)
        return optax.chain(decay, optax.sgd(rule.rate, momentum=rule.momentum, nesterov=False))
    one, two = rule.betas
    return optax.adamw(rule.rate, b1=one, b2=two, eps=rule.eps, weight_decay=rule.weight_decay)


@nnx.jit
def _jax_step(module: Any, optimizer: nnx.Optimizer, x: Any, target: Any) -> None:
    def loss(module: Any) -> Any:
        return 0.5 * ((module(x) - target) ** 2).mean()

    optimizer.update(module, nnx.grad(loss)(module))


def _leaf(tree: Any, name: str) -> Any:
    """The leaf of a state that mirrors the module's parameters."""
    for part in _paths()[name]:
        tree = tree[part]
    return tree


@cache
def _paths() -> dict[str, tuple[Any, ...]]:
    zeros = {name: np.zeros(spec.shape, np.float32) for name, spec in SPECS.items()}
    module = ghost_jax.weights_io.build(CASE.architecture, CASE.config, zeros)
    paths = {id(node): path for path, node in nnx.iter_graph(module)}
    variables = ghost_jax.weights_io.FRAMEWORK.variables_of(module, SPECS.values())
    return {name: paths[id(variable)] for name, variable in variables.items()}


class KerasTrainer:
    """keras.optimizers, in a custom training step."""

    def __init__(self, checkpoint: Checkpoint, rule: Optimizer) -> None:
        build = ghost_tf.weights_io.build
        self.module = build(CASE.architecture, CASE.config, checkpoint.tensors)
        self.rule, self.steps = rule, checkpoint.slots.steps
        specs = [SPECS[name] for name in trainable()]
        self.parameters = ghost_tf.weights_io.FRAMEWORK.variables_of(self.module, specs)
        self.optimizer = _keras(rule)
        self.optimizer.build(list(self.parameters.values()))
        if self.steps:
            self._remember(checkpoint.slots)

    def step(self, x: np.ndarray, target: np.ndarray) -> None:
        x, target = (array.transpose(0, 2, 3, 1) for array in (x, target))
        variables = list(self.parameters.values())
        with tf.GradientTape() as tape:
            output = self.module(tf.constant(x), training=True)
            loss = 0.5 * tf.reduce_mean((output - target) ** 2)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        if self.rule.name == "sgd":
            decay = self.rule.weight_decay
            pairs = zip(gradients, variables, strict=True)
            gradients = [gradient + decay * variable.value for gradient, variable in pairs]
        else:
            corrected = np.sqrt(1 - self.rule.betas[1] ** (self.steps + 1))
            self.optimizer.epsilon = self.rule.eps * corrected
        self.optimizer.apply(gradients, variables)
        self.steps += 1

    def checkpoint(self) -> Checkpoint:
        first, second = self._slots()
        factor = np.float32(-self.rule.rate if self.rule.name == "sgd" else 1)
        slots = Slots(
            self.steps,
            {
                name: self._canonical(slot, name) / np.float32(factor)
                for name, slot in first.items()
            },
            {name: self._canonical(slot, name) for name, slot in second.items()},
        )
        return Checkpoint(ghost_tf.state(self.module), slots)

    def _slots(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.rule.name == "sgd":
            return dict(zip(self.parameters, self.optimizer.momentums, strict=True)), {}
        return (
            dict(zip(self.parameters, self.optimizer._momentums, strict=True)),
            dict(zip(self.parameters, self.optimizer._velocities, strict=True)),
        )

    def _canonical(self, slot: Any, name: str) -> np.ndarray:
        return ghost_tf.weights_io.FRAMEWORK.to_canonical(slot, SPECS[name])

    def _remember(self, slots: Slots) -> None:
        factor = np.float32(-self.rule.rate if self.rule.name == "sgd" else 1.0)
        found = zip(self._slots(), (slots.first, slots.second), (factor, 1.0), strict=True)
        for variables, arrays, scale in found:
            for name, slot in variables.items():
                native = ghost_tf.weights_io.FRAMEWORK.to_native(arrays[name], SPECS[name], slot)
                slot.assign(native * np.float32(scale))
        self.optimizer.iterations.assign(slots.steps)


def _keras(rule: Optimizer) -> Any:
    if rule.name == "sgd":
        return keras.optimizers.SGD(rule.rate, momentum=rule.momentum, nesterov=False)
    one, two = rule.betas
    return keras.optimizers.AdamW(
        rule.rate, weight_decay=rule.weight_decay, beta_1=one, beta_2=two, epsilon=rule.eps
    )


TRAINERS: dict[str, Any] = {"torch": TorchTrainer, "jax": JaxTrainer, "keras": KerasTrainer}
