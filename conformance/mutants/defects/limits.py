"""Defects that begin at a size: a channel, a row, an image, a kernel or a sum that is too large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.faults.changes import Change, computed_as, kernels, outputs, repeated_from
from conformance.mutants.mutant import Mutant
from conformance.oracle.weighted import Convolution


def repeats_from(axis: int, limit: int) -> Change:
    """Give the positions of an axis (N, C, H, W) from `limit` on the values of the one before."""
    return outputs(Convolution, lambda conv, x, out: repeated_from(out, axis, limit))


def without_inputs_from(limit: int) -> Change:
    """Leave out the input channels from `limit` on."""

    def cut(weight: np.ndarray) -> np.ndarray:
        weight = weight.copy()
        weight[:, limit:] = 0
        return weight

    return kernels(cut, depthwise=False)


def without_products_from(limit: int) -> Change:
    """Leave out the products of a sum from `limit` on."""

    def cut(weight: np.ndarray) -> np.ndarray:
        flat = weight.reshape(len(weight), -1).copy()
        flat[:, limit:] = 0
        return flat.reshape(weight.shape)

    return kernels(cut, depthwise=False)


def kernels_cut_to(size: int, *, depthwise: bool) -> Change:
    """Take the middle of kernels that have more than `size` rows or columns."""

    def cut(weight: np.ndarray) -> np.ndarray:
        kept = np.zeros(weight.shape[2:], bool)
        rows, columns = (
            slice(max(0, (each - size) // 2), each - max(0, (each - size) // 2))
            for each in weight.shape[2:]
        )
        kept[rows, columns] = True
        return np.where(kept, weight, 0).astype(weight.dtype)

    return kernels(cut, depthwise=depthwise)


def _without_padding(conv: Any) -> Any:
    """A 1x1 convolution whose padding is dropped, where it has one."""
    return replace(conv, padding=(0, 0)) if conv.weight.shape[2:] == (1, 1) else conv


def _dilated_at_most(limit: int) -> Change:
    """Dilate by at most `limit`, with the padding that keeps the size of the output."""

    def edit(conv: Any) -> Any:
        if max(conv.dilation) <= limit:
            return conv
        return _spread(conv, tuple(min(rate, limit) for rate in conv.dilation))

    return computed_as(Convolution, edit)


def _spread(conv: Any, dilation: tuple[int, ...]) -> Any:
    """The convolution with kernels of the same extent, whose weights stand closer together."""
    sizes, true = conv.weight.shape[2:], conv.dilation
    whole = [(size - 1) * rate + 1 for size, rate in zip(sizes, true, strict=True)]
    wide = np.zeros((*conv.weight.shape[:2], *whole), conv.weight.dtype)
    ends = [(size - 1) * rate + 1 for size, rate in zip(sizes, dilation, strict=True)]
    wide[:, :, : ends[0] : dilation[0], : ends[1] : dilation[1]] = conv.weight
    return replace(conv, weight=wide, dilation=(1, 1))


def _groups_reversed_from(limit: int) -> Change:
    """Give the groups of a convolution that has at least `limit`, not depthwise, in reverse."""

    def edit(conv: Any, x: Any, out: Any) -> Any:
        if not limit <= conv.groups < x.shape[1]:
            return out
        shape = out.shape
        return out.reshape(shape[0], conv.groups, -1, *shape[2:])[:, ::-1].reshape(shape)

    return outputs(Convolution, edit)


def _at_most(limit: int, name: str) -> Change:
    """Convolve with at most this stride or padding, and keep the size of the output."""

    def edit(conv: Any, x: Any, out: Any) -> Any:
        given = getattr(conv, name)
        if max(given) <= limit:
            return out
        less = replace(conv, **{name: tuple(min(each, limit) for each in given)})
        found = Convolution.__call__(less, x)
        edges = [max(0, whole - part) for whole, part in zip(out.shape, found.shape, strict=True)]
        rows, columns = out.shape[2:]
        return np.pad(found, [(0, edge) for edge in edges])[:, :, :rows, :columns]

    return outputs(Convolution, edit)


def _numbers_to(limit: int) -> Change:
    """Give the numbers of an output from `limit` on those that it begins with."""

    def edit(conv: Any, x: Any, out: Any) -> Any:
        return out.ravel()[np.arange(out.size) % limit].reshape(out.shape)

    return outputs(Convolution, edit)


def _in_groups(edit: Callable[[Any], Any]) -> Change:
    """Compute each convolution with groups, not depthwise, as `edit` of it does."""
    return computed_as(
        Convolution, lambda conv: edit(conv) if conv.groups > 1 < conv.weight.shape[1] else conv
    )


MODULE, EXACT = "module", "exact"
LIMIT_MUTANTS = (
    Mutant("inputs-to-32", "input channels from the 33rd on left out", EXACT,
           without_inputs_from(32)),
    Mutant("inputs-to-64", "input channels from the 65th on left out", EXACT,
           without_inputs_from(64)),
    Mutant("inputs-to-128", "input channels from the 129th on left out", EXACT,
           without_inputs_from(128)),
    Mutant("products-to-256", "sums end after 256 products", EXACT, without_products_from(256)),
    Mutant("channels-to-32", "output channels from the 33rd on repeat the 32nd", EXACT,
           repeats_from(1, 32)),
    Mutant("channels-to-64", "output channels from the 65th on repeat the 64th", EXACT,
           repeats_from(1, 64)),
    Mutant("rows-to-16", "rows from the 17th on repeat the 16th", EXACT, repeats_from(2, 16)),
    Mutant("columns-to-16", "columns from the 17th on repeat the 16th", EXACT,
           repeats_from(3, 16)),
    Mutant("rows-to-32", "rows from the 33rd on repeat the 32nd", EXACT, repeats_from(2, 32)),
    Mutant("columns-to-64", "columns from the 65th on repeat the 64th", EXACT,
           repeats_from(3, 64)),
    Mutant("images-to-3", "images from the fourth on repeat the third", EXACT,
           repeats_from(0, 3)),
    Mutant("images-to-4", "images from the fifth on repeat the fourth", EXACT,
           repeats_from(0, 4)),
    Mutant("images-to-7", "images from the eighth on repeat the seventh", EXACT,
           repeats_from(0, 7)),
    Mutant("cheap-kernels-to-7", "cheap kernels above 7 lose their border", EXACT,
           kernels_cut_to(7, depthwise=True)),
    Mutant("cheap-kernels-to-5", "cheap kernels above 5 lose their border", EXACT,
           kernels_cut_to(5, depthwise=True)),
    Mutant("kernels-to-5", "kernels above 5 lose their border", EXACT,
           kernels_cut_to(5, depthwise=False)),
    Mutant("dilation-to-3", "a dilation above 3 is 3", EXACT, _dilated_at_most(3)),
    Mutant("dilation-to-1", "dilation is ignored", EXACT, _dilated_at_most(1)),
    Mutant("unpadded-1x1", "the padding of a 1x1 kernel is dropped", EXACT,
           computed_as(Convolution, _without_padding)),
    Mutant("groups-from-4", "four groups or more in reverse", EXACT, _groups_reversed_from(4)),
    Mutant("rows-to-112", "rows from the 113th on repeat the 112th", EXACT, repeats_from(2, 112)),
    Mutant("images-to-16", "images from the 17th on repeat the 16th", EXACT, repeats_from(0, 16)),
    Mutant("numbers-to-65536", "numbers of a map from the 65,537th on repeat the first ones",
           EXACT, _numbers_to(65536)),
    Mutant("stride-to-4", "a stride above 4 is 4", EXACT, _at_most(4, "stride")),
    Mutant("padding-to-5", "a padding above 5 is 5", EXACT, _at_most(5, "padding")),
    Mutant("undilated-groups", "dilation is ignored in groups", EXACT,
           _in_groups(lambda conv: _spread(conv, (1, 1)))),
    Mutant("unbiased-groups", "the bias is left out in groups", EXACT,
           _in_groups(lambda conv: replace(conv, bias=None))),
)  # fmt: skip
