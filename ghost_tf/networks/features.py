"""A network's feature maps as a module of its own, where a detector wants a backbone."""

from collections.abc import Iterator
from typing import Any, TypedDict, Unpack

import keras

from ghost_tf.framework.data_format import canonical_shape, native_shape
from ghost_tf.networks.network import Network
from ghost_tf.saving.composed import attributes, settle
from ghost_tf.saving.planned import Planned
from weights import ArgumentError
from weights.columns.planned import outputs_at
from weights.networks.features import FeatureInfo, FeaturesConfig, Indices

# What holds layers in an order.
LISTS = list


class Named(TypedDict, total=False):
    """The keyword of Keras' own that is not the network's."""

    name: str | None


@keras.saving.register_keras_serializable("ghost_tf")
class FeatureNetwork(Planned, keras.Model):
    """Some feature maps of a network, from its first layer to the last that they need.

    The layers are the network's own, at the same paths: both have the same weights from then on.
    What comes after the last feature map is not part of it.

    Args:
        network: the network, such as `ghostnet_100()` or what `from_file` returns.
        out_indices: which feature maps, from the input to the output: their places among those that
            timm has (negative ones count from the last), or paths such as "blocks.9" and
            "conv_head", the vector before the classifier. None is all of timm's.
        keras_options: `name` of the model.

    Shapes: x: (N, H, W, in_chans), or channels first, to a list of (N, H', W', C), as
    `feature_info` has them.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> from ghost_tf import ghostnet_050
    >>> backbone = FeatureNetwork(ghostnet_050(), (2, "blocks.9"))
    >>> backbone.feature_info.channels(), backbone.feature_info.reduction()
    ([20, 480], [8, 32])
    >>> [tuple(feature.shape) for feature in backbone(ops.zeros((2, 64, 64, 3)))]
    [(2, 8, 8, 20), (2, 2, 2, 480)]
    """

    def __init__(
        self, network: Network, out_indices: Indices = None, **keras_options: Unpack[Named]
    ) -> None:
        if not isinstance(network, Network):
            raise ArgumentError(f"`network` must be a network, got {type(network).__name__}")
        plan = FeaturesConfig(network.architecture, network.plan, out_indices)
        options: dict[str, Any] = {
            "dtype": network.dtype_policy,
            "trainable": network.trainable,
            "data_format": network.data_format,
            **network.variable_options,
        }
        super().__init__(plan, **options, **keras_options)
        self.kind = type(network)
        self.relu = network.relu
        for path, layer in plan.used(_layers(network), LISTS).items():
            setattr(self, path, layer)
            object.__setattr__(self, path, layer)  # of every list Keras makes one of its own
        settle(self)

    def _set_up(self, plan: FeaturesConfig, **options: Any) -> None:
        """Nothing: the layers are those of the network."""

    @property
    def feature_info(self) -> FeatureInfo:
        """The path, channels and reduction of every feature map."""
        return self.plan.info

    def call(self, x: Any, training: bool | None = None) -> list[Any]:
        """Shapes: x: (N, H, W, in_chans), or channels first, to a list of (N, H', W', C)."""
        steps: Any = self.kind._steps
        return list(outputs_at(self.plan.stages, steps(self, x, training)).values())

    def _head(self, x: Any, training: bool | None) -> Iterator[tuple[str, Any]]:
        """What the steps of the network end with."""
        steps: Any = self.kind
        yield from steps._head(self, x, training)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Shapes of the feature maps, in the order of the input's."""
        batch, _, height, width = canonical_shape(input_shape, self.data_format)
        shapes = self.plan.output_shapes(batch, height, width)
        return [native_shape(each, self.data_format) if len(each) == 4 else each for each in shapes]

    def get_config(self) -> dict[str, Any]:
        """The network's arguments, which it is and which feature maps, for saving."""
        return {**super().get_config(), "network": keras.saving.get_registered_name(self.kind)}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        kind: Any = keras.saving.get_registered_object(arguments["network"])
        own = {
            name: arguments[name] for name in arguments if name not in ("network", "out_indices")
        }
        return cls(kind.from_config(own), arguments["out_indices"], name=arguments["name"])


def _layers(network: Network) -> dict[str, Any]:
    found = attributes(network)
    listed = {
        id(layer) for each in found.values() if isinstance(each, list) for layer in _flat(each)
    }
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, keras.layers.Layer | list) and id(value) not in listed
    }


def _flat(value: Any) -> list[Any]:
    """What stands in lists of lists."""
    return [leaf for each in value for leaf in _flat(each)] if isinstance(value, list) else [value]
