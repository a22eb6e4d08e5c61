"""Networks that users make of this project's modules and of ordinary layers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.own.flattening import Flatten, checked_flatten, unclear
from weights.columns.own.loaded import LoadReport
from weights.columns.own.members import Described, Member, described_parts
from weights.columns.own.renaming import Rename
from weights.columns.own.telling import Telling, in_lines
from weights.columns.partial import NOTHING
from weights.errors import ArgumentError
from weights.files.file import WeightFile
from weights.files.loading import check_tensors
from weights.networks.custom import CUSTOM
from weights.tensors import joined


class Custom(Telling[Module, GhostModule, Variable]):
    """Reading and writing networks module by module."""

    def custom_contents(
        self, network: Any, flatten: Flatten | None = None
    ) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
        """Architecture, configuration and tensors of a network."""
        members = self.members(network, flatten)
        if self.channels_last:
            problems = list(unclear([m.described for m in members], flatten or {}))
            if problems:
                raise ArgumentError(in_lines("the order of features must be known", problems))
        modules = [
            {"path": m.described.path, "kind": m.described.kind, "config": m.described.config}
            for m in members
        ]
        tensors = {name: slot.read() for member in members for name, slot in member.tensors}
        return CUSTOM, {"modules": modules}, tensors

    def load_custom(
        self,
        network: Any,
        file: WeightFile,
        what: str,
        *,
        rename: Rename | None,
        by_order: bool,
        flatten: Flatten | None,
        allow_missing: Sequence[str],
    ) -> LoadReport:
        """Load a file into a network; raises `GhostError`, changing nothing."""
        from weights.columns.own.matching import matched  # which nothing else asks for

        members = self.members(network)
        told = checked_flatten(flatten, members)
        modules = _described(file)
        found = matched(
            modules, [m.described for m in members], rename, allow_missing, by_order=by_order
        )
        if not (found.pairs or found.problems):
            raise ArgumentError(NOTHING.format(list(allow_missing)))
        there = {here.path: each for each, here in found.pairs}
        said = _flattened_in(found.pairs)
        problems = [*found.problems, *_contradictions(said, told)]
        told = {**said, **told}
        members = self.settled(members, told)
        problems += [] if by_order else _unnamed(members)
        in_network = [replace(each, paths=here.paths) for each, here in found.pairs]
        problems += unclear(in_network, told) if self.channels_last else []
        pairs = [(there[m.described.path], m) for m in members if m.described.path in there]
        alike = [(each, member) for each, member in pairs if each.is_like(member.described)]
        self._load(network, file, alike, problems, what)
        loaded = tuple((each.path, member.described.path) for each, member in pairs)
        return LoadReport(loaded, tuple(found.notes))

    def _load(
        self,
        network: Any,
        file: WeightFile,
        pairs: Iterable[tuple[Described, Member]],
        problems: Iterable[str],
        what: str,
    ) -> None:
        """Check every tensor, then change the network."""
        slots, tensors = {}, {}
        for there, member in pairs:
            for name, slot in member.tensors:
                slots[name] = slot
                tensors[name] = file.tensors[joined(there.path, slot.spec.name)]
        specs = [slot.spec._replace(name=name) for name, slot in slots.items()]
        dtypes = {name: self.dtype_of(slot.variables[0]) for name, slot in slots.items()}
        check_tensors(specs, tensors, dtypes=dtypes, what=what, earlier=problems)
        variables, values = {}, {}
        for name, slot in slots.items():
            parts = zip(slot.variables, slot.values(tensors[name]), strict=True)
            for index, (variable, value) in enumerate(parts):
                key = f"{name}.{index}" if index else name
                variables[key], values[key] = variable, value
        self.assign(network, variables, values, what)


def _described(file: WeightFile) -> list[Described]:
    """The modules of a file; one of a single layer or network holds one, with the empty path."""
    if file.architecture == CUSTOM:
        return described_parts(file.checked, file.metadata.get("order"))
    shapes = {name: array.shape for name, array in file.tensors.items()}
    return [Described(("",), file.architecture, file.config, shapes)]


def _flattened_in(pairs: Iterable[tuple[Described, Described]]) -> dict[str, Sequence[int]]:
    """What the file says of flattened images, by paths in the network."""
    sizes = {
        here.path: there.config.get("flattened") for there, here in pairs if there.is_like(here)
    }
    return {path: each for path, each in sizes.items() if each}


def _contradictions(said: Mapping[str, Sequence[int]], told: Flatten) -> Iterator[str]:
    for path, given in told.items():
        if path in said and (given is None or list(given) != list(said[path])):
            yield f"'{path}': `flatten` has {given} and the file {said[path]}"


def _unnamed(members: Iterable[Member]) -> Iterator[str]:
    for member in members:
        if not member.named:
            yield (
                f"{member.described} has no name of its own: give the layer `name`, or load by "
                "position with by_order=True"
            )
