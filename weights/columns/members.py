"""The modules of a user's network that hold tensors, each told as a file tells it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from weights.columns.places import Layer, Place, flattened_place
from weights.errors import ArgumentError
from weights.modules.configuration import Configuration
from weights.networks.architectures import ARCHITECTURES, configure_part
from weights.networks.custom import in_order
from weights.tensors import TensorSpec, joined

# The channels and sizes of the images that linear layers read flattened, by path; `None` for one
# that reads none.
Flatten = Mapping[str, Sequence[int] | None]
LINEAR, MATRIX = "linear", "weight"
# Kinds whose outputs are images; those that have no part in it; all others end an image.
CONVOLUTIONS = ("convolution", "transposed_convolution")
MAKES_IMAGES = (*CONVOLUTIONS, *ARCHITECTURES)
PASSES_ON = ("batch_norm", "group_norm", "layer_norm", "prelu")


@dataclass(frozen=True)
class Described:
    """A module of a file or of a network: its paths, the first of which names it, and the rest."""

    paths: tuple[str, ...]
    kind: str
    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def path(self) -> str:
        """The first of its paths."""
        return self.paths[0]

    def __str__(self) -> str:
        return f"'{self.path}' ({self.kind})"

    def is_like(self, other: "Described") -> bool:
        """Whether both are of one kind, and have tensors of the same shapes."""
        return self.kind == other.kind and self.shapes == other.shapes


@dataclass(frozen=True)
class Slot:
    """A tensor of a module: its spec, its variables, and the way to and from their values."""

    spec: TensorSpec
    variables: tuple[Any, ...]
    read: Callable[[], np.ndarray]
    values: Callable[[np.ndarray], Iterable[Any]]


@dataclass(frozen=True)
class Member:
    """A module of a network: what a file says of it, and where its tensors stand.

    `layer` is what an ordinary layer is told by.
    """

    described: Described
    slots: tuple[Slot, ...]
    module: Any
    layer: Layer | None = None
    named: bool = True

    @property
    def tensors(self) -> Iterator[tuple[str, Slot]]:
        """The tensors by their names in the network."""
        return ((joined(self.described.path, slot.spec.name), slot) for slot in self.slots)


def checked_flatten(flatten: Flatten | None, members: Sequence[Member]) -> Flatten:
    """The argument, which may name linear layers of the network alone."""
    if flatten is None:
        return {}
    linear = [m.described.path for m in members if m.described.kind == LINEAR]
    if not isinstance(flatten, Mapping) or not all(path in linear for path in flatten):
        raise ArgumentError(
            "`flatten` must map paths of linear layers to (channels, height, width), or to None, "
            f"got {flatten!r}: the network has {linear}"
        )
    return flatten


def flattened(layer: Layer, sizes: Sequence[int], *, channels_last: bool) -> Layer:
    """A linear layer that reads flattened images of those channels and sizes."""
    config = {**layer.config, "flattened": list(sizes)}
    configure_part(LINEAR, config)
    matrix = layer.tensors[MATRIX]
    if channels_last and isinstance(matrix, Place):
        matrix = flattened_place(matrix.variable, sizes)
    return replace(layer, config=config, tensors={**layer.tensors, MATRIX: matrix})


def unclear(modules: Sequence[Described], flatten: Flatten) -> Iterator[str]:
    """A problem for every linear layer that may read flattened images, and nobody says whether.

    Its features are a multiple of the channels of the module before it, or of those of any one
    where no module makes as many: Flax forgets the order of attributes when it merges a module.
    """
    sized = [(m, _channels(m)) for m in modules if m.kind not in PASSES_ON]
    made = {channels for _, channels in sized}
    for index, (here, _) in enumerate(sized):
        if here.kind == LINEAR and here.path not in flatten and not here.config.get("flattened"):
            features, before = here.config["in_features"], sized[:index]
            others = before[-1:] if features in made else [*sized, *before]
            yield from _doubt(here.path, features, others)


def _doubt(path: str, features: int, others: Sequence[tuple[Described, int]]) -> Iterator[str]:
    for other, channels in reversed(others):
        if other.kind in MAKES_IMAGES and features > channels and not features % channels:
            places = features // channels
            yield (
                f"'{path}' reads {features} features, {places} for each of the {channels} channels "
                f"of '{other.path}': say flatten={{{path!r}: ({channels}, height, width)}} with "
                f"height * width = {places} where it reads a flattened image, whose values have "
                f"another order in PyTorch, or flatten={{{path!r}: None}}"
            )
            return


def _channels(module: Described) -> int:
    """Channels or features of what a module makes."""
    config = configure_part(module.kind, module.config)
    return int(
        getattr(config, "out_features", 0)
        or getattr(config, "features", 0)
        or (config.output_channels if module.kind in MAKES_IMAGES else 0)
    )


def sharing(members: Iterable[Member]) -> Iterator[str]:
    """A problem for every variable that several modules have."""
    users: dict[int, list[str]] = defaultdict(list)
    for member in members:
        for name, slot in member.tensors:
            for variable in slot.variables:
                users[id(variable)].append(name)
    for names in users.values():
        if len(names) > 1:
            yield f"{' and '.join(map(repr, names))} are one variable: give each its own"


def described(path: str, kind: str, config: Configuration) -> Described:
    """The module of that configuration at a path."""
    shapes = {spec.name: spec.shape for spec in config.tensors()}
    return Described((path,), kind, config.to_dict(), shapes)


def described_parts(config: Any, order: Sequence[str] | None) -> list[Described]:
    """The modules of the configuration of a user's network, in the order of its definition."""
    modules = {e.path: described(e.path, e.kind, part) for e, part in config.parts()}
    return in_order(modules, order)
