"""Networks that users make of this project's modules and of ordinary layers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.contents import Contents
from weights.columns.matching import LoadReport, Rename, matched
from weights.columns.members import (
    Described,
    Flatten,
    Member,
    Slot,
    checked_flatten,
    described,
    described_parts,
    flattened,
    sharing,
    unclear,
)
from weights.columns.places import RESHAPED, Layer, Place
from weights.errors import ArgumentError
from weights.files.file import WeightFile
from weights.files.loading import check_tensors
from weights.networks.architectures import configure, configure_part
from weights.networks.custom import CUSTOM
from weights.tensors import TensorSpec, joined
from weights.text import MOST_LINES, listed

SEPARATOR = "\n  - "


class Custom(Contents[Module, GhostModule, Variable]):
    """Reading and writing networks module by module, over the places that a framework tells."""

    def is_custom(self, module: Any) -> bool:
        """Whether it is a user's own network, none of this project's layers and networks."""
        own = tuple(self.architectures.values())
        return (
            self.base is not None and isinstance(module, self.base) and not isinstance(module, own)
        )

    def members(self, network: Any, flatten: Flatten | None = None) -> list[Member]:
        """The modules of a network that hold tensors, in the order of its definition.

        Raises `ArgumentError` that names everything which is not known.
        """
        members: dict[int, Member] = {}
        problems: dict[int, str] = {}
        for part in self.parts(network):
            key = id(part.module)
            if key in members:
                members[key] = _also_at(members[key], part.path)
                continue
            try:
                member = self._member(part.path, part.module, part.named)
                if member.slots:  # a normalisation may be without
                    members[key] = member
            except ArgumentError as reason:
                where = f"'{part.path}' ({type(part.module).__name__})"
                problems.setdefault(key, f"{where}: {reason}")
        found = list(members.values())
        _check_known([*problems.values(), *sharing(found)], found)
        return self.settled(found, checked_flatten(flatten, found))

    def settled(self, members: Sequence[Member], flatten: Flatten) -> list[Member]:
        """The members, with the linear layers that read flattened images as told."""
        return [self._settled(m, flatten.get(m.described.path)) for m in members]

    def custom_contents(
        self, network: Any, flatten: Flatten | None = None
    ) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
        """Architecture, configuration and tensors of a network."""
        members = self.members(network, flatten)
        if self.channels_last:
            problems = list(unclear([m.described for m in members], flatten or {}))
            if problems:
                raise ArgumentError(_listed("the order of features must be known", problems))
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
        members = self.members(network)
        told = checked_flatten(flatten, members)
        modules = _described(file)
        found = matched(
            modules, [m.described for m in members], rename, allow_missing, by_order=by_order
        )
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

    def _member(self, path: str, module: Any, named: bool) -> Member:
        if isinstance(module, tuple(self.architectures.values())):
            return self._own(path, module, named)
        layer = self.layer_of(module)
        return self._ordinary(path, module, layer, named)

    def _own(self, path: str, module: Any, named: bool) -> Member:
        """A module of this project, which knows its tensors."""
        architecture, config = self._actual(module)
        self.create_variables(module)
        slots = tuple(
            self._own_slot(spec, self.variable_of(module, spec)) for spec in config.tensors()
        )
        return Member(described(path, architecture, config), slots, module, named=named)

    def _own_slot(self, spec: TensorSpec, variable: Any) -> Slot:
        read = partial(self.to_canonical, variable, spec)
        return Slot(spec, (variable,), read, lambda array: [self.to_native(array, spec, variable)])

    def _ordinary(self, path: str, module: Any, layer: Layer, named: bool) -> Member:
        config = configure_part(layer.kind, layer.config)
        slots = tuple(self._slot(spec, layer.places(spec.name)) for spec in config.tensors())
        return Member(described(path, layer.kind, config), slots, module, layer, named)

    def _slot(self, spec: TensorSpec, places: tuple[Place, ...]) -> Slot:
        """A tensor of an ordinary layer: the parts of its first axis, in a variable each."""
        count = len(places)
        shape = (spec.shape[0] // count, *spec.shape[1:])
        for place in places:
            if not place.holds(shape):
                found = tuple(place.variable.shape)
                raise ArgumentError(RESHAPED.format(spec.name, found))

        def read() -> np.ndarray:
            parts = [place.canonical(self.array_of(place.variable), shape) for place in places]
            return np.concatenate(parts) if count > 1 else parts[0]

        def values(array: np.ndarray) -> Iterator[Any]:
            for place, part in zip(places, np.split(array, count), strict=True):
                yield self.value_of(place.native(part), place.variable)

        return Slot(spec, tuple(place.variable for place in places), read, values)

    def _settled(self, member: Member, sizes: Sequence[int] | None) -> Member:
        if sizes is None or member.layer is None:
            return member
        path = member.described.path
        try:
            layer = flattened(member.layer, sizes, channels_last=self.channels_last)
        except ArgumentError as reason:
            raise ArgumentError(f"`flatten` of '{path}': {reason}") from None
        made = self._ordinary(path, member.module, layer, member.named)
        return replace(made, described=replace(made.described, paths=member.described.paths))


def _also_at(member: Member, path: str) -> Member:
    paths = (*member.described.paths, path)
    return replace(member, described=replace(member.described, paths=paths))


def _described(file: WeightFile) -> list[Described]:
    """The modules of a file; one of a single layer or network holds one, with the empty path."""
    if file.architecture == CUSTOM:
        return described_parts(configure(CUSTOM, file.config), file.metadata.get("order"))
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


def _check_known(problems: Sequence[str], members: Sequence[Member]) -> None:
    if problems:
        what = "`module` must be made of layers that a file can tell, got others"
        raise ArgumentError(_listed(what, problems))
    if not members:
        raise ArgumentError("`module` must hold tensors, got a network without any")


def _listed(what: str, problems: Sequence[str]) -> str:
    return f"{what}:\n  - {listed(problems, SEPARATOR, MOST_LINES)}"
