"""The modules of a network that hold tensors, told one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.contents import Contents
from weights.columns.own.flattening import Flatten, checked_flatten, flattened
from weights.columns.own.members import Member, Slot, described, named, sharing
from weights.columns.places import RESHAPED, Layer, Part, Place
from weights.columns.planned import PlannedModule
from weights.errors import ArgumentError
from weights.modules.configuration import Configuration, known_tensors
from weights.networks.architectures import configure_part
from weights.tensors import TensorSpec, joined
from weights.text import MOST_LINES, listed

SEPARATOR = "\n  - "


class Telling(Contents[Module, GhostModule, Variable]):
    """What a file says of every module of a network, over the places that a framework tells."""

    def is_module(self, module: Any) -> bool:
        """Whether it is a module of a framework in which users make networks."""
        return self.base is not None and isinstance(module, self.base)

    def is_custom(self, module: Any) -> bool:
        """Whether it is a user's own network, none of this project's layers and networks."""
        return self.is_module(module) and not self.is_own(module)

    def members(self, network: Any, flatten: Flatten | None = None) -> list[Member]:
        """The modules of a network that hold tensors, in the order of its definition.

        Raises `ArgumentError` that names everything which is not known.
        """
        is_planned = isinstance(network, PlannedModule)
        if is_planned:
            self.create_variables(network)
        members: dict[int, Member] = {}
        problems: dict[int, str] = {}
        for part in self.parts(network):
            key = id(part.module)
            if key in members:
                members[key] = _also_at(members[key], part.path)
                continue
            try:
                member = self._member(part)
                if member.slots:  # a normalisation may be without
                    members[key] = member
            except ArgumentError as reason:
                where = f"{named(part.path)} ({type(part.module).__name__})"
                problems.setdefault(key, f"{where}: {reason}")
        found = list(members.values())
        if is_planned:
            found = _in_order_of(network.plan, found)
        _check_known([*problems.values(), *sharing(found)], found)
        return self.settled(found, checked_flatten(flatten, found))

    def settled(self, members: Sequence[Member], flatten: Flatten) -> list[Member]:
        """The members, with the linear layers that read flattened images as told."""
        return [self._settled(m, flatten.get(m.described.path)) for m in members]

    def _member(self, part: Part) -> Member:
        if part.problem:
            raise ArgumentError(part.problem)
        if self.is_own(part.module):
            return self._own(part.path, part.module, part.named)
        return self._ordinary(part.path, self.layer_of(part.module), part.named)

    def _own(self, path: str, module: Any, named: bool) -> Member:
        """A module of this project, which knows its tensors."""
        architecture, config = self._actual(module)
        self.create_variables(module)
        specs = known_tensors(config)
        variables = self.variables_of(module, specs)
        slots = tuple(self._own_slot(spec, variables[spec.name]) for spec in specs)
        return Member(described(path, architecture, config), slots, named=named)

    def _own_slot(self, spec: TensorSpec, variable: Any) -> Slot:
        read = partial(self.to_canonical, variable, spec)
        return Slot(spec, (variable,), read, lambda array: [self.to_native(array, spec, variable)])

    def _ordinary(self, path: str, layer: Layer, named: bool) -> Member:
        config = configure_part(layer.kind, layer.config)
        slots = tuple(self._slot(spec, layer.places(spec.name)) for spec in config.tensors())
        return Member(described(path, layer.kind, config), slots, layer, named)

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
        made = self._ordinary(path, layer, member.named)
        return replace(made, described=replace(made.described, paths=member.described.paths))


def _in_order_of(plan: Configuration, members: Sequence[Member]) -> list[Member]:
    """The modules as the tensors of a plan come, whatever the order of attributes."""
    names = [spec.name for spec in plan.tensors()]

    def place(member: Member) -> int:
        start = joined(member.described.path, "")
        return next(index for index, name in enumerate(names) if name.startswith(start))

    return sorted(members, key=place)


def _also_at(member: Member, path: str) -> Member:
    paths = (*member.described.paths, path)
    return replace(member, described=replace(member.described, paths=paths))


def _check_known(problems: Sequence[str], members: Sequence[Member]) -> None:
    if problems:
        what = "`module` must be made of layers that a file can tell, got others"
        raise ArgumentError(in_lines(what, problems))
    if not members:
        raise ArgumentError("`module` must hold tensors, got a network without any")


def in_lines(what: str, problems: Sequence[str]) -> str:
    """The problems below each other, headed by `what`."""
    return f"{what}:\n  - {listed(problems, SEPARATOR, MOST_LINES)}"
