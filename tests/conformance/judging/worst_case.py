"""A search for the worst error of correct float32 arithmetic, over the error allowed to it.

One output element of a convolution and its batch normalisation is computed in every way that is
correct: orders of summation, fused multiply-add, the normalisation after the sum or folded into
the kernel, in float32 or in float64, the sum begun at the constant or ended there. A population of
inputs climbs towards the largest ratio. `python -m tests.conformance.judging.worst_case` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from conformance.judging import bounds
from conformance.oracle.weighted import BatchNorm, Convolution

EPS = 1e-5
CLIMBERS = 64
# Terms in a sum: of a depthwise 1x1 and 3x3 kernel, and of a 3x3 kernel over 8 channels.
LENGTHS = (1, 9, 72)
Array = np.ndarray
# Sums products of (P, n) kernels and inputs, from a constant (P) or to it.
Sum = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class Inputs:
    """P elements: kernels and inputs (P, n), the vectors (P) of a norm, and ulps of its root."""

    kernel: Array
    x: Array
    weight: Array
    bias: Array
    mean: Array
    var: Array
    ulps: Array


def fused(a: Array, b: Array, c: Array) -> Array:
    """a b + c, rounded once."""
    return (a.astype(np.float64) * b + c).astype(np.float32)


def forwards(kernel: Array, x: Array, constant: Array) -> Array:
    for at in range(x.shape[1]):
        constant = constant + kernel[:, at] * x[:, at]
    return constant


def fused_forwards(kernel: Array, x: Array, constant: Array) -> Array:
    for at in range(x.shape[1]):
        constant = fused(kernel[:, at], x[:, at], constant)
    return constant


def constant_last(kernel: Array, x: Array, constant: Array) -> Array:
    return forwards(kernel, x, np.zeros_like(constant)) + constant


def in_pairs(kernel: Array, x: Array, constant: Array) -> Array:
    terms = np.concatenate([constant[:, None], kernel * x], axis=1)
    while terms.shape[1] > 1:
        odd = terms[:, -1:] if terms.shape[1] % 2 else terms[:, :0]
        even = terms[:, : terms.shape[1] // 2 * 2]
        terms = np.concatenate([even[:, ::2] + even[:, 1::2], odd], axis=1)
    return terms[:, 0]


def in_lanes(kernel: Array, x: Array, constant: Array) -> Array:
    lanes = [forwards(kernel[:, at::4], x[:, at::4], np.zeros_like(constant)) for at in range(4)]
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + constant


SUMS: dict[str, Sum] = {
    each.__name__: each for each in (forwards, fused_forwards, constant_last, in_pairs, in_lanes)
}


def root(each: Inputs) -> Array:
    """The reciprocal root in float32, up to an ulp beside the nearest."""
    nearest = (1 / np.sqrt(each.var.astype(np.float64) + np.float32(EPS))).astype(np.float32)
    towards = np.copysign(np.float32(np.inf), each.ulps)
    return np.where(each.ulps == 0, nearest, np.nextafter(nearest, towards))


def divided(each: Inputs, total: Sum) -> Array:
    deviation = np.sqrt(each.var + np.float32(EPS))
    centred = total(each.kernel, each.x, np.zeros_like(each.bias)) - each.mean
    return centred / deviation * each.weight + each.bias


def centred(each: Inputs, total: Sum) -> Array:
    out = total(each.kernel, each.x, np.zeros_like(each.bias)) - each.mean
    return each.weight * out * root(each) + each.bias


def affine(each: Inputs, total: Sum) -> Array:
    scale = each.weight * root(each)
    shift = each.bias - each.mean * scale
    return total(each.kernel, each.x, np.zeros_like(each.bias)) * scale + shift


def folded(each: Inputs, total: Sum) -> Array:
    scale = each.weight * root(each)
    shift = -each.mean * root(each) * each.weight + each.bias
    return total(each.kernel * scale[:, None], each.x, shift)


def folded_in_float64(each: Inputs, total: Sum) -> Array:
    scale = each.weight / np.sqrt(each.var.astype(np.float64) + EPS)
    kernel, shift = each.kernel * scale[:, None], each.bias - each.mean * scale
    return total(kernel.astype(np.float32), each.x, shift.astype(np.float32))


FORMS: dict[str, Callable[[Inputs, Sum], Array]] = {
    each.__name__: each for each in (divided, centred, affine, folded, folded_in_float64)
}


def allowed(each: Inputs) -> bounds.Tracked:
    """The right values (P) and the errors allowed, by the rule of the suite."""
    count, terms = each.x.shape
    kernel = each.kernel.astype(np.float64).reshape(count, 1, 1, terms)
    layer = Convolution(kernel, (1, 1), (0, 0), (1, 1), groups=count)
    vectors = [np.float64(v) for v in (each.weight, each.bias, each.mean, each.var)]
    x = each.x.astype(np.float64).reshape(1, count, 1, terms)
    wanted = bounds.convolution(layer, BatchNorm(*vectors, EPS, 0.1), bounds.Tracked(x, 0 * x))
    return replace(wanted, value=wanted.value.ravel(), error=wanted.error.ravel())


def ratios(each: Inputs, form: str, total: str) -> Array:
    """The error of every element over the error that is allowed to it."""
    wanted = allowed(each)
    got = FORMS[form](each, SUMS[total])
    return np.abs(got - wanted.value) / wanted.error


def starts(terms: int, random: np.random.Generator) -> Iterator[Inputs]:
    """Sums that cancel, and constants beside which every term is lost to rounding."""
    pairs = (CLIMBERS, terms)
    kernel, x = (random.normal(size=pairs).astype(np.float32) for _ in range(2))
    x[:, -1] = -(kernel[:, :-1] * x[:, :-1]).sum(1) / kernel[:, -1]
    vectors = [random.normal(size=CLIMBERS).astype(np.float32) for _ in range(3)]
    var, ulps = random.uniform(0.1, 2, CLIMBERS), random.integers(-1, 2, CLIMBERS)
    yield Inputs(kernel, x, *vectors, var.astype(np.float32), ulps.astype(np.float32))
    one, ones = np.ones(CLIMBERS, np.float32), np.ones(pairs, np.float32)
    lost = np.float32(2.0**-24 * (1 - 1e-6)) * ones
    yield Inputs(ones, lost, one, one, 0 * one, one - np.float32(EPS), 0 * one)


def moved(each: Inputs, random: np.random.Generator) -> Inputs:
    """The inputs with a few numbers changed, a little or a lot."""

    def move(array: Array) -> Array:
        size = 10.0 ** random.uniform(-8, 0, array.shape)
        chosen = random.random(array.shape) < 2 / np.sqrt(array.size / CLIMBERS + 1)
        factor = 1 + chosen * size * random.normal(size=array.shape)
        return (array * factor).astype(np.float32)

    names = ("kernel", "x", "weight", "bias", "mean")
    changed = {name: move(getattr(each, name)) for name in names}
    ulps = random.integers(-1, 2, each.ulps.shape).astype(np.float32)
    return replace(each, **changed, var=np.abs(move(each.var)), ulps=ulps)


def chosen(better: Array, new: Inputs, old: Inputs) -> Inputs:
    """The new of every element that is better, the old of the others."""

    def pick(name: str) -> Array:
        here, there = getattr(new, name), getattr(old, name)
        return np.where(better.reshape(-1, *[1] * (here.ndim - 1)), here, there)

    return Inputs(**{name: pick(name) for name in vars(old)})


def worst(form: str, total: str, terms: int, steps: int, seed: int = 0) -> float:
    """The largest ratio that so many steps of the climb find."""
    random = np.random.default_rng([seed, terms])
    found = 0.0
    for best in starts(terms, random):
        reached = ratios(best, form, total)
        for _ in range(steps):
            candidate = moved(best, random)
            new = ratios(candidate, form, total)
            best = chosen(new > reached, candidate, best)
            reached = np.maximum(new, reached)
        found = max(found, float(reached.max()))
    return found


def main(steps: int = 300) -> None:
    """Print the worst ratio of every form and sum, for short and long sums."""
    print("form", "sum", *(f"n={terms}" for terms in LENGTHS), sep="\t")
    for form, total in product(FORMS, SUMS):
        found = (worst(form, total, terms, steps) for terms in LENGTHS)
        print(form, total, *(f"{each:.3f}" for each in found), sep="\t", flush=True)


if __name__ == "__main__":
    main()
