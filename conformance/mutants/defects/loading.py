"""Defects of what an object loads, and of the files that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.changes import Change
from conformance.mutants.defects.files import Tensors, unchecked
from conformance.mutants.mutant import Mutant
from conformance.oracle.weights_io import FRAMEWORK
from weights import read_metadata
from weights.files import file, header, metadata
from weights.files.storage import read_safetensors

Load = Callable[[Any], None]


def loading(load: Callable[[Any, Load, Any], None]) -> Change:
    """Load by `load(built, right, path)`, where `right(path)` loads as it should."""

    def adapt(built: Any) -> None:
        right = built.load
        built.load = lambda path: load(built, right, path)

    return adapt


def loaded(edit: Callable[[Tensors, Tensors], Tensors]) -> Change:
    """Hold `edit(before, after)` after a file was loaded."""

    def load(built: Any, right: Load, path: Any) -> None:
        before = built.state()
        right(path)
        FRAMEWORK.set_state(built.module, edit(before, built.state()))

    return loading(load)


def _kept(tensors: Callable[[str], bool]) -> Change:
    """Leave the tensors whose names are accepted as they were before a file was loaded."""
    return loaded(lambda before, after: {n: (before if tensors(n) else after)[n] for n in after})


def refusing(refuses: Callable[[dict[str, Any]], bool]) -> Change:
    """Refuse the files whose entry is refused, which are right."""

    def load(built: Any, right: Load, path: Any) -> None:
        if refuses(read_metadata(path)):
            raise ValueError("what file is that?")
        right(path)

    return loading(load)


def _emptied(built: Any, right: Load, path: Any) -> None:
    """Hold zeros where a file was refused."""
    before = built.state()
    try:
        right(path)
    except ValueError:
        FRAMEWORK.set_state(built.module, {n: np.zeros_like(a) for n, a in before.items()})
        raise


def _careless(built: Any, right: Load, path: Any) -> None:
    """Take whatever tensors have the names and the sizes, as they come."""
    tensors, _ = read_safetensors(path)
    before = built.state()
    FRAMEWORK.set_state(
        built.module,
        {n: tensors[n].astype(a.dtype).reshape(a.shape) for n, a in before.items()},
    )


SEQUENCES = "sequence"
LOADING_MUTANTS = (
    Mutant("loads-no-statistics", "loading leaves the running statistics", SEQUENCES,
           adapt=_kept(lambda name: ".running_" in name)),
    Mutant("loads-no-variance", "loading leaves the running variances", SEQUENCES,
           adapt=_kept(lambda name: name.endswith("running_var"))),
    Mutant("loads-no-cheap-half", "loading leaves the cheap half", SEQUENCES,
           adapt=_kept(lambda name: name.startswith("cheap_conv"))),
    Mutant("loads-no-kernels", "loading leaves the kernels", SEQUENCES,
           adapt=_kept(lambda name: name.endswith("0.weight"))),
    Mutant("loads-unchecked", "no digest of a file is looked at", SEQUENCES,
           patches=((file, "_check_digests", unchecked),)),
    Mutant("loads-any-kind", "the kinds in a file are not looked at", SEQUENCES,
           patches=((file, "_check_kinds", unchecked),)),
    Mutant("loads-any-annotation", "the digest of annotations is not looked at", SEQUENCES,
           patches=((metadata, "_check_about_digest", unchecked),)),
    Mutant("loads-any-version", "the version of a file is not looked at", SEQUENCES,
           patches=((metadata, "check_version", unchecked),)),
    Mutant("loads-any-end", "a file may be longer than its tensors", SEQUENCES,
           patches=((header, "check_end", unchecked),)),
    Mutant("loads-carelessly", "whatever tensors fit are taken", SEQUENCES,
           adapt=loading(_careless)),
    Mutant("emptied", "a file that is refused leaves zeros", SEQUENCES,
           adapt=loading(_emptied)),
    Mutant("refuses-annotations", "a file that says more is refused", SEQUENCES,
           adapt=refusing(lambda entry: "classes" in entry)),
    Mutant("refuses-newer", "a file of a later minor version is refused", SEQUENCES,
           adapt=refusing(lambda entry: entry["format_version"] not in ("1.0", "1.1"))),
    Mutant("refuses-unknown-fields", "an entry with unknown fields is refused", SEQUENCES,
           adapt=refusing(lambda entry: "invented" in entry)),
    Mutant("refuses-defaults", "an argument left out of a file is refused", SEQUENCES,
           adapt=refusing(lambda entry: "bn_momentum" not in entry["config"])),
    Mutant("loads-nothing", "loading changes nothing", SEQUENCES, adapt=_kept(lambda name: True)),
)  # fmt: skip
