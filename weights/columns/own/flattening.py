"""Linear layers that read flattened images, whose values each framework has in another order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from weights.columns.own.members import Described, Member
from weights.columns.places import Layer, Place, flattened_place
from weights.errors import ArgumentError
from weights.networks.architectures import ARCHITECTURES, configure_part

# The channels and sizes of the images that linear layers read flattened, by path; `None` for one
# that reads none.
Flatten = Mapping[str, Sequence[int] | None]
LINEAR, MATRIX = "linear", "weight"
# Kinds whose outputs are images; those that have no part in it; all others end an image.
CONVOLUTIONS = ("convolution", "transposed_convolution")
MAKES_IMAGES = (*CONVOLUTIONS, *ARCHITECTURES)
PASSES_ON = ("batch_norm", "group_norm", "layer_norm", "prelu")


def checked_flatten(flatten: Flatten | None, members: Sequence[Member]) -> Flatten:
    """The argument, which may name linear layers of the network alone."""
    if flatten is None:
        return {}
    linear = [m.described.path for m in members if m.described.kind == LINEAR]
    if not isinstance(flatten, Mapping) or not all(
        path in linear and (sizes is None or isinstance(sizes, (list, tuple)))
        for path, sizes in flatten.items()
    ):
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
