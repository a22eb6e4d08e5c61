"""The feature maps of a network by timm's indices: which there are, and what they are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weights.errors import ArgumentError
from weights.modules.configuration import Configuration
from weights.modules.forms import TRAINING
from weights.networks.network import FeatureMap, NetworkConfig
from weights.tensors import SizedTensors, Sizes
from weights.text import brief, listed

# Feature maps by their places among those that timm has, or by their paths; all of timm's.
Indices = Sequence[int | str] | None


class FeatureInfo(tuple[FeatureMap, ...]):
    """What feature maps are, one after the other; asked as timm's is.

    >>> info = FeatureInfo([FeatureMap("conv_stem", 16, 2), FeatureMap("blocks.1", 24, 4)])
    >>> info.channels(), info.reduction(), info.module_name()
    ([16, 24], [2, 4], ['conv_stem', 'blocks.1'])
    """

    def channels(self) -> list[int]:
        """The channels of each."""
        return [each.channels for each in self]

    def reduction(self) -> list[int]:
        """Pixels of the image between two positions of each; 0 of one that has none."""
        return [each.reduction for each in self]

    def module_name(self) -> list[str]:
        """The path of each."""
        return [each.path for each in self]


@dataclass(frozen=True)
class FeaturesConfig(Configuration):
    """Some feature maps of a network, and the layers that they need.

    `out_indices` are places among timm's feature maps (negative ones count from the last), or
    paths; None is all of timm's.

    >>> from weights import configure
    >>> FeaturesConfig("ghostnet", configure("ghostnet", {}), (2, "blocks.9")).info.channels()
    [40, 960]
    """

    architecture: Any
    network: Any
    out_indices: Any = None

    def check_together(self) -> None:
        """Look the feature maps up; sets `out_indices` to their paths."""
        maps = {each.path: each for each in self.network.feature_maps}
        counted = self.network.counted
        paths = counted if self.out_indices is None else self.out_indices
        self._set("out_indices", _paths(paths, counted, list(maps)))

    @cached_property
    def info(self) -> FeatureInfo:
        """The feature maps, from the input to the output."""
        maps = {each.path: each for each in self.network.feature_maps}
        return FeatureInfo(maps[path] for path in self.out_indices)

    @property
    def stages(self) -> tuple[str, ...]:
        """The names that the feature maps have among the network's stages."""
        return tuple(each.stage or each.path for each in self.info)

    @property
    def form(self) -> str:
        """The form of the network's modules."""
        return str(getattr(self.network, "form", TRAINING))

    @property
    def input_channels(self) -> int:
        """Channels of the images."""
        return int(self.network.input_channels)

    @property
    def first_norm(self) -> str:
        """The path of the batch normalisation that tells whether the module is in training."""
        path = str(self.network.first_norm)
        return path if path.partition(".")[0] in self._counts else ""

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors that the feature maps need, and the sizes that their layers make."""
        return self._used(self.network, sizes)

    def output_shapes(self, batch: Any, height: Any, width: Any) -> list[tuple[Any, ...]]:
        """Shapes of the feature maps, (N, C, H, W), or (N, C) of one without positions."""
        return [
            (batch, each.channels, *self._sizes(height, width, each.reduction))
            for each in self.info
        ]

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` for a height and width that the network cannot take."""
        self.network.check_sizes(sizes)

    def to_dict(self) -> dict[str, Any]:
        """The paths of the feature maps, and the network's arguments."""
        return {"out_indices": list(self.out_indices), **self.network.to_dict()}

    def used(self, layers: Mapping[str, Any], lists: type[Any]) -> dict[str, Any]:
        """Those of a network's layers that the feature maps need, lists of them shortened."""
        whole = _counts(spec.name for spec in self._training.tensors())
        left = {*whole, "dropout"}.difference(self._counts)
        return {
            name: type(layer)([*layer][: self._counts.get(name)])
            if isinstance(layer, lists)
            else layer
            for name, layer in layers.items()
            if name not in left
        }

    def _sizes(self, height: Any, width: Any, reduction: int) -> tuple[Any, ...]:
        if not reduction:
            return ()
        sizes = (height, width)
        return tuple(size and self.network.reduced(size, reduction) for size in sizes)

    @property
    def _training(self) -> NetworkConfig:
        # In which no layer is without tensors.
        return replace(self.network, form=TRAINING)

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        return _counts(spec.name for spec, _ in self._used(self._training, (None, None)))

    def _used(self, network: NetworkConfig, sizes: Sizes) -> SizedTensors:
        tensors = list(network.tensors_at(sizes))
        last = tuple(f"{each}." for each in self.info[-1].layers or self.out_indices[-1:])
        ends = [number for number, (spec, _) in enumerate(tensors) if spec.name.startswith(last)]
        yield from tensors[: ends[-1] + 1]


def _paths(indices: Any, counted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    if isinstance(indices, str) or not isinstance(indices, Iterable):
        raise ArgumentError(f"`out_indices` must be a tuple such as (1, 2), got {brief(indices)}")
    paths = [_path(each, counted, known) for each in indices]
    places = [known.index(path) for path in paths]
    if not places or places != sorted(set(places)):
        raise ArgumentError(
            "`out_indices` must name feature maps from the input to the output, each once, got "
            f"{brief(tuple(indices))}"
        )
    return tuple(paths)


def _path(index: Any, counted: Sequence[str], known: Sequence[str]) -> str:
    if isinstance(index, int) and not isinstance(index, bool):
        if -len(counted) <= index < len(counted):
            return counted[index]
    elif index in known:
        return str(index)
    raise ArgumentError(
        f"`out_indices` must be numbers from {-len(counted)} to {len(counted) - 1} or paths among "
        f"{listed(known)}, got {brief(index)}"
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    """For the first name of every path, how many second ones there are.

    >>> _counts(["stem.weight", "blocks.0.weight", "blocks.1.weight", "blocks.1.bias"])
    {'stem': 1, 'blocks': 2}
    """
    pairs = dict.fromkeys(tuple(name.split(".")[:2]) for name in names)
    counts: dict[str, int] = {}
    for first, *_ in pairs:
        counts[first] = counts.get(first, 0) + 1
    return counts
