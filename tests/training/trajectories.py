"""Training side by side: the same weights, batches and optimizer in every framework.

`python -m tests.training.trajectories` prints how far they are apart, and what a handover changes.
The optimizers are those of the libraries (torch.optim, optax, keras.optimizers) with every default
that differs between them written out:

- SGD: weight decay joins the gradient (torch's way); Keras decays beside the gradient, so there it
  is added by hand. Keras' velocity is minus the learning rate times torch's momentum buffer.
- AdamW: Keras adds eps (1e-7 by default) before the bias correction, the others after it, so
  Keras gets eps sqrt(1 - beta_2^t) anew at every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.model import in_dtype
from conformance.gradients.tape import Variable, perturbed
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.oracle import weights_io
from conformance.oracle.training import train_step
from weights import configure

STEPS, BATCH = 20, 4
NAMES = ("torch", "jax", "keras")
ORDERS = (*((name,) for name in NAMES), *permutations(NAMES, 2), *permutations(NAMES, 3))
ROUGH_RUNS, FACTOR = 4, 4
BLOCK = {"c_in": 8, "c_mid": 20, "c_out": 12, "kernel_size": 5, "stride": 2, "se_ratio": 0.25}
CASE = Case("block", "", "ghost_bottleneck", BLOCK, (BATCH, 8, 9, 8), "scaled")
Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Optimizer:
    """An optimizer and its arguments, by the names that PyTorch has for them."""

    name: str
    rate: float
    weight_decay: float
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8


SGD = Optimizer("sgd", rate=0.05, weight_decay=1e-2)
ADAMW = Optimizer("adamw", rate=0.01, weight_decay=1e-2)


@dataclass
class Slots:
    """What an optimizer remembers, in PyTorch's meaning: canonical names and layouts.

    `first` is the momentum buffer or the first moment, `second` the second moment.
    """

    steps: int = 0
    first: Tensors = field(default_factory=dict)
    second: Tensors = field(default_factory=dict)


@dataclass
class Checkpoint:
    """All that another framework needs to go on: tensors and the optimizer's memory."""

    tensors: Tensors
    slots: Slots


def data(steps: int = STEPS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs (N, C, H, W) and targets of the output's shape, for every step."""
    generator = np.random.Generator(np.random.PCG64(11))
    batch, _, height, width = CASE.input_shape
    shape = configure(CASE.architecture, CASE.config).output_shape(batch, height, width)
    for _ in range(steps):
        x = generator.normal(size=CASE.input_shape).astype(np.float32)
        yield x, generator.normal(size=shape).astype(np.float32)


def start() -> Checkpoint:
    weights, _ = tensors.make(CASE)
    return Checkpoint(weights, Slots())


def trainable() -> list[str]:
    specs = configure(CASE.architecture, CASE.config).tensors()
    return [spec.name for spec in specs if spec.trainable]


def zeros_like(checkpoint: Checkpoint) -> Tensors:
    return {name: np.zeros_like(checkpoint.tensors[name]) for name in trainable()}


class Oracle:
    """The same in NumPy, the update rules written out."""

    def __init__(
        self, checkpoint: Checkpoint, optimizer: Optimizer, dtype: Any = np.float64, seed: int = -1
    ) -> None:
        self.optimizer, self.dtype = optimizer, dtype
        self.module = weights_io.build(
            CASE.architecture, CASE.config, in_dtype(checkpoint.tensors, dtype)
        )
        slots, zeros = checkpoint.slots, zeros_like(checkpoint)
        self.steps = slots.steps
        self.first = in_dtype(slots.first or zeros, dtype)
        self.second = in_dtype(slots.second or zeros, dtype)
        self.generator = np.random.Generator(np.random.PCG64(seed)) if seed >= 0 else None

    def step(self, x: np.ndarray, target: np.ndarray) -> None:
        x, target = x.astype(self.dtype), target.astype(self.dtype)
        make = Variable if self.generator is None else (lambda a: perturbed(a, self.generator))
        state = weights_io.FRAMEWORK.state(self.module)
        output = train_step(self.module, x, np.zeros_like(target), make)["output"]
        weights_io.FRAMEWORK.set_state(self.module, state)
        found = train_step(self.module, x, (output - target) / target.size, make)
        after = weights_io.FRAMEWORK.state(self.module)
        self.steps += 1
        for name, gradient in found["grads"].items():
            after[name] = self._updated(name, after[name], gradient).astype(self.dtype)
        weights_io.FRAMEWORK.set_state(self.module, after)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(
            weights_io.FRAMEWORK.state(self.module),
            Slots(self.steps, dict(self.first), dict(self.second)),
        )

    def _updated(self, name: str, weight: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        rule = self.optimizer
        if rule.name == "sgd":
            gradient = gradient + rule.weight_decay * weight
            self.first[name] = (rule.momentum * self.first[name] + gradient).astype(self.dtype)
            return weight - rule.rate * self.first[name]
        one, two = rule.betas
        first = one * self.first[name] + (1 - one) * gradient
        second = two * self.second[name] + (1 - two) * gradient**2
        self.first[name], self.second[name] = first.astype(self.dtype), second.astype(self.dtype)
        # In float32, as in optax and Keras, 1 - 0.999 has lost five digits.
        one, two = self.dtype(one), self.dtype(two)
        deviation = np.sqrt(second / (1 - two**self.steps)) + rule.eps
        step = first / (1 - one**self.steps) / deviation
        return weight - rule.rate * (step + rule.weight_decay * weight)


def run(trainer: Any, batches: list[tuple[np.ndarray, np.ndarray]]) -> list[Tensors]:
    """The tensors after every step."""
    found = []
    for x, target in batches:
        trainer.step(x, target)
        found.append(trainer.checkpoint().tensors)
    return found


@dataclass(frozen=True)
class Reference:
    """The trajectory in float64, and how far float32 may be from it at every step."""

    exact: list[Tensors]
    allowed: list[dict[str, float]]

    def ratios(self, found: list[Tensors]) -> list[float]:
        """The worst error over allowed at every step, over all tensors."""
        return [
            max(_largest(got[name] - exact[name]) / allowed[name] for name in exact)
            for got, exact, allowed in zip(found, self.exact, self.allowed, strict=True)
        ]


def reference(optimizer: Optimizer) -> Reference:
    """Four times the worst of the oracle's float32 runs, as in tier `training`."""
    batches = list(data())
    exact = run(Oracle(start(), optimizer), batches)
    rough = [run(Oracle(start(), optimizer, np.float32, k), batches) for k in range(ROUGH_RUNS)]
    allowed = [
        {
            name: FACTOR
            * (
                max(_largest(each[step][name] - array) for each in rough)
                + 4 * UNIT_ROUNDOFF * _largest(array)
            )
            for name, array in tensors_.items()
        }
        for step, tensors_ in enumerate(exact)
    ]
    return Reference(exact, allowed)


def handed_over(order: tuple[str, ...], optimizer: Optimizer) -> list[Tensors]:
    """A trajectory that one framework begins and others go on with, in equal parts."""
    from tests.training.trainers import TRAINERS

    batches, checkpoint, found = list(data()), start(), []
    share = -(-len(batches) // len(order))
    for number, name in enumerate(order):
        trainer = TRAINERS[name](checkpoint, optimizer)
        found += run(trainer, batches[number * share : (number + 1) * share])
        checkpoint = trainer.checkpoint()
    return found


def main() -> None:
    """Print the worst error over allowed of every framework and every handover."""
    from rich.console import Console
    from rich.table import Table

    grid = Table("trained in", "sgd", "adamw", title=f"{STEPS} steps: worst error / allowed")
    references = [reference(optimizer) for optimizer in (SGD, ADAMW)]
    for order in ORDERS:
        found = [handed_over(order, optimizer) for optimizer in (SGD, ADAMW)]
        pairs = zip(references, found, strict=True)
        worst = [max(right.ratios(each)) for right, each in pairs]
        grid.add_row(", then ".join(order), *(f"{ratio:.2f}" for ratio in worst))
    Console().print(grid)


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array.astype(np.float64)).max(initial=0.0))


if __name__ == "__main__":
    import conftest  # noqa: F401  # the order of imports that PyTorch and TensorFlow need

    main()
