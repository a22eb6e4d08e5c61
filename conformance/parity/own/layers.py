"""Ordinary layers in NumPy: what each would give with the argument or the tensor of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.faults.layers import same_sides
from conformance.oracle.weighted import Convolution
from conformance.parity.own.record import Told
from weights.arithmetic import kernel_span

# Arguments that have no part in an output in inference.
SILENT = ("momentum", "flattened")
SAME = "same"


def output(told: Told, x: np.ndarray, *, training: bool = False) -> np.ndarray | None:
    """The output of a layer for x: (N, C, ...) in float64; None of a layer that is not known here.

    `training` normalises by the statistics of x.
    """
    compute = OUTPUTS.get(told.kind)
    if compute is None:
        return None
    tensors = {name: array.astype(np.float64) for name, array in told.tensors.items()}
    try:
        with np.errstate(all="ignore"):
            return compute(told.config, tensors, x, training)
    except (IndexError, KeyError, ValueError):  # of arguments that do not fit the input
        return None


def differences(wanted: Told, got: Told) -> Iterator[tuple[str, Told]]:
    """Each thing in which a layer is not as the other, and the layer changed in that alone."""
    for name, value in wanted.config.items():
        if name not in SILENT and got.config.get(name) != value:
            tensors = dict(wanted.tensors)
            if name in tensors:  # an argument that says whether there is such a tensor
                tensors = {k: v for k, v in tensors.items() if k != name or got.config.get(name)}
            changed = {**wanted.config, name: got.config.get(name)}
            yield name, replace(wanted, config=changed, tensors=tensors)
    for name, tensor in wanted.tensors.items():
        other = got.tensors.get(name)
        if other is not None and not np.allclose(other, tensor, rtol=1e-6, atol=0):
            yield name, replace(wanted, tensors={**wanted.tensors, name: other})


def relation(got: np.ndarray, wanted: np.ndarray) -> str:
    """How a kernel is made of another, in words; empty where it is not known."""
    for words, change in RELATIONS.items():
        moved = change(wanted)
        if moved.shape == got.shape and np.allclose(got, moved, rtol=1e-6, atol=0):
            return words
    return ""


def _convolution(
    config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], x: np.ndarray, _: bool
) -> np.ndarray:
    if x.ndim != 4 or config["padding_mode"] != "zeros":
        raise ValueError("only images, and padding with zeros")
    stride, dilation = tuple(config["stride"]), tuple(config["dilation"])
    sides = config["padding"]
    if sides == SAME:
        spans = map(kernel_span, config["kernel_size"], dilation)
        sides = [same_sides(*axis) for axis in zip(x.shape[2:], spans, stride, strict=True)]
    padded = np.pad(x, ((0, 0), (0, 0), *map(tuple, sides)))
    layer = Convolution(
        tensors["weight"], stride, (0, 0), dilation, config["groups"], tensors.get("bias")
    )
    return layer(padded)


def _linear(
    config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], x: np.ndarray, _: bool
) -> np.ndarray:
    return x @ tensors["weight"].T + tensors.get("bias", 0.0)


def _batch_norm(
    config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], x: np.ndarray, training: bool
) -> np.ndarray:
    shape = (-1, *[1] * (x.ndim - 2))
    axes = (0, *range(2, x.ndim))
    mean, var = tensors["running_mean"], tensors["running_var"]
    if training:
        mean, var = x.mean(axes), x.var(axes)
    scale = tensors.get("weight", 1.0) / np.sqrt(var + config["eps"])
    shift = np.broadcast_to(tensors.get("bias", 0.0), mean.shape)
    return (x - mean.reshape(shape)) * scale.reshape(shape) + shift.reshape(shape)


OUTPUTS: Mapping[str, Callable[..., np.ndarray]] = {
    "convolution": _convolution,
    "linear": _linear,
    "batch_norm": _batch_norm,
}


def _swapped(first: int, second: int) -> Callable[[np.ndarray], np.ndarray]:
    def swap(array: np.ndarray) -> np.ndarray:
        return array.swapaxes(first, second) if array.ndim > max(first, second) else array

    return swap


def _turned(array: np.ndarray) -> np.ndarray:
    return np.flip(array, tuple(range(2, array.ndim)))


RELATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "with height and width of the kernel swapped": _swapped(2, 3),
    "with inputs and outputs swapped": _swapped(0, 1),
    "turned around, as convolution differs from cross-correlation": _turned,
    "with its outputs in reverse order": lambda array: array[::-1],
}
