"""Defects that no first call shows: what an object remembers, and what it forgets."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from conformance.faults.changes import Change, Edit, outputs, repeated_from, returns
from conformance.mutants.mutant import Mutant
from conformance.oracle.training import set_training
from conformance.oracle.weighted import BatchNorm
from conformance.oracle.weights_io import FRAMEWORK

Run = Callable[[Any, Any], Any]


def remembering(start: Callable[[], Edit]) -> Change:
    """Let every module return what `start()`, an edit of its own, makes of its output."""
    return lambda module: returns(module, start())


def steps(edit: Callable[[Any, Run], Run]) -> Change:
    """Let every object train by `edit(module, step)` of its own step."""

    def adapt(built: Any) -> None:
        built.train_step = edit(built.module, built.train_step)

    return adapt


def _first_output() -> Edit:
    kept: list[Any] = []

    def edit(module: Any, x: Any, out: Any) -> Any:
        kept.append(out)
        return kept[0] if kept[0].shape == out.shape else out

    return edit


def _first_size(axis: int) -> Callable[[], Edit]:
    """See as many images, rows or columns as there were at first; the others repeat the last."""

    def start() -> Edit:
        sizes: list[int] = []

        def edit(module: Any, x: Any, out: Any) -> Any:
            sizes.append(out.shape[axis])
            return repeated_from(out, axis, sizes[0])

        return edit

    return start


def _same_corner() -> Edit:
    """Keep the last output by the first element of the input."""
    kept: dict[Any, Any] = {}

    def edit(module: Any, x: Any, out: Any) -> Any:
        return kept.setdefault((x.shape, float(x[0, 0, 0, 0])), out)

    return edit


def _drifting(calls: int) -> Callable[[], Edit]:
    """Be off by a thousandth after some calls."""

    def start() -> Edit:
        numbers = count()
        return lambda module, x, out: out if next(numbers) < calls else out * out.dtype.type(1.001)

    return start


def _alternating() -> Edit:
    numbers = count()
    return lambda module, x, out: out if next(numbers) % 2 == 0 else np.zeros_like(out)


def _updated(norm: Any, x: Any, out: Any) -> Any:
    """Update the running statistics in inference too."""
    if not norm.training:
        BatchNorm._update(norm, x)
    return out


def _accumulating(module: Any, step: Run) -> Run:
    earlier: dict[str, Any] = {}

    def accumulate(x: Any, cotangent: Any) -> Any:
        found = step(x, cotangent)
        grads = {name: g + earlier.get(name, g.dtype.type(0)) for name, g in found["grads"].items()}
        earlier.update(grads)
        return found | {"grads": grads}

    return accumulate


def _staying(module: Any, step: Run) -> Run:
    def stay(x: Any, cotangent: Any) -> Any:
        found = step(x, cotangent)
        set_training(module, True)
        return found

    return stay


def _restored(kept: Callable[[str], bool]) -> Callable[[Any, Run], Run]:
    """Give the tensors whose names `kept` accepts what they were before the step."""

    def edit(module: Any, step: Run) -> Run:
        def restore(x: Any, cotangent: Any) -> Any:
            before = FRAMEWORK.state(module)
            found = step(x, cotangent)
            after = FRAMEWORK.state(module)
            FRAMEWORK.set_state(module, {n: (before if kept(n) else after)[n] for n in after})
            return found

        return restore

    return edit


def _learning(module: Any, step: Run) -> Run:
    """Change the weights by a step along their gradients, as an optimizer would."""

    def learn(x: Any, cotangent: Any) -> Any:
        found = step(x, cotangent)
        moved = {
            n: a - a.dtype.type(0.01) * found["grads"].get(n, 0)
            for n, a in FRAMEWORK.state(module).items()
        }
        FRAMEWORK.set_state(module, moved)
        return found

    return learn


def _first_step(module: Any, step: Run) -> Run:
    """Return the first step again."""
    kept: list[Any] = []

    def repeat(x: Any, cotangent: Any) -> Any:
        kept.append(step(x, cotangent))
        return kept[0]

    return repeat


SEQUENCES = "sequence"
SEQUENCE_MUTANTS = (
    Mutant("first-output", "the first output is given again", SEQUENCES,
           remembering(_first_output)),
    Mutant("output-of-corner", "an output is kept by one element of its input", SEQUENCES,
           remembering(_same_corner)),
    Mutant("first-batch", "the number of images is that of the first call", SEQUENCES,
           remembering(_first_size(0))),
    Mutant("first-height", "the number of rows is that of the first call", SEQUENCES,
           remembering(_first_size(2))),
    Mutant("first-width", "the number of columns is that of the first call", SEQUENCES,
           remembering(_first_size(3))),
    Mutant("second-output", "every second output is 0", SEQUENCES, remembering(_alternating)),
    Mutant("drift-after-3", "off by a thousandth after 3 calls", SEQUENCES,
           remembering(_drifting(3))),
    Mutant("drift-after-50", "off by a thousandth after 50 calls", SEQUENCES,
           remembering(_drifting(50))),
    Mutant("updates-in-inference", "inference updates the statistics", SEQUENCES,
           outputs(BatchNorm, _updated)),
    Mutant("gradients-added", "gradients of earlier steps are added", SEQUENCES,
           adapt=steps(_accumulating)),
    Mutant("first-step", "the first step is given again", SEQUENCES, adapt=steps(_first_step)),
    Mutant("stays-in-training", "inference after a step uses the batch", SEQUENCES,
           adapt=steps(_staying)),
    Mutant("statistics-not-kept", "a step reports statistics and keeps none", SEQUENCES,
           adapt=steps(_restored(lambda name: ".running_" in name))),
    Mutant("variances-not-kept", "a step reports variances and keeps none", SEQUENCES,
           adapt=steps(_restored(lambda name: name.endswith("running_var")))),
    Mutant("cheap-not-kept", "a step keeps no statistics of the cheap half", SEQUENCES,
           adapt=steps(_restored(lambda name: "cheap_conv.1.running_" in name))),
    Mutant("learns", "a step changes the weights", SEQUENCES, adapt=steps(_learning)),
)  # fmt: skip
