"""The functions that make models, and those around their inputs and outputs.

Errors of arguments are those of `keras.applications`, which makes them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras.applications import imagenet_utils
from keras.src.applications.imagenet_utils import obtain_input_shape, validate_activation

from ghost_tf import variants
from weights.errors import ArgumentError

Application = Callable[..., keras.Model]

IMAGENET_CLASSES = 1000
SIZE, SMALLEST = 224, 32
POOLING = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Make pixels from 0 to 255 the input with which the published weights were trained.

    Args:
        x: images (N, H, W, 3) in RGB, or channels first.
        data_format: "channels_last" or "channels_first"; Keras' own setting without it.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="torch")


def decode_predictions(preds: Any, top: int = 5) -> Any:
    """The likeliest classes of ImageNet, as (WordNet's id, name, score), for each image.

    Keras fetches their names once, from where `keras.applications` has them.
    """
    return imagenet_utils.decode_predictions(preds, top=top)


DESCRIPTION = """{}, as a functional Keras model.

    Args:
        include_top: whether the model ends with the classifier; without it, with the last feature
            map.
        weights: None (fresh ones), "imagenet" (the published ones, where there are any) or the path
            of an interchange file.
        input_tensor: the output of `keras.Input`, in place of an input of its own.
        input_shape: the shape of an image, where it is another than 224 x 224; at least 32 x 32.
        pooling: without the classifier, None (the feature map), "avg" or "max".
        classes: of the classifier; 1000 with "imagenet".
        classifier_activation: after the classifier; None leaves logits.
        name: of the model.
    """


def _application(variant: str) -> Application:
    """The function that makes models of a variant."""

    def make(
        include_top: bool = True,
        weights: str | None = "imagenet",
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = IMAGENET_CLASSES,
        classifier_activation: Any = "softmax",
        name: str = variant,
    ) -> keras.Model:
        _check(weights, classes, include_top=include_top)
        data_format = keras.config.image_data_format()
        if input_tensor is not None and input_shape is None:
            input_shape = tuple(input_tensor.shape[1:])
        shape = obtain_input_shape(
            input_shape, default_size=SIZE, min_size=SMALLEST, data_format=data_format,
            require_flatten=include_top, weights=weights,
        )  # fmt: skip
        images = keras.Input(shape) if input_tensor is None else input_tensor
        channels = shape[-1 if data_format == "channels_last" else 0]
        network = getattr(variants, variant)(
            True if weights == "imagenet" else weights or False,
            num_classes=classes if include_top else 0, in_chans=channels,
        )  # fmt: skip
        if include_top:
            validate_activation(classifier_activation, weights)
            x = network.stages(images)["logits"]
            x = keras.layers.Activation(classifier_activation, name="predictions")(x)
        else:
            x = _before_head(network.stages(images))
            x = POOLING[pooling](name=f"{pooling}_pool")(x) if pooling else x
        inputs = images if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
        return keras.Model(inputs, x, name=name)

    make.__name__ = make.__qualname__ = variant
    make.__doc__ = DESCRIPTION.format(variant)
    return make


def _check(weights: str | None, classes: int, *, include_top: bool) -> None:
    if weights not in ("imagenet", None) and not Path(weights).is_file():
        raise ArgumentError(
            "The `weights` argument should be either `None` (random initialization), `imagenet` "
            "(pre-training on ImageNet), or the path to the weights file to be loaded.  "
            f"Received weights={weights}"
        )
    if weights == "imagenet" and include_top and classes != IMAGENET_CLASSES:
        raise ArgumentError(
            'If using `weights="imagenet"` with `include_top` as true, `classes` should be 1000.  '
            f"Received classes={classes}"
        )


def _before_head(stages: dict[str, Any]) -> Any:
    """The last feature map before the mean over positions."""
    names = list(stages)
    return stages[names[names.index("conv_head") - 1]]


ghostnet_050 = _application("ghostnet_050")
ghostnet_100 = _application("ghostnet_100")
ghostnet_130 = _application("ghostnet_130")
ghostnetv2_100 = _application("ghostnetv2_100")
ghostnetv2_130 = _application("ghostnetv2_130")
ghostnetv2_160 = _application("ghostnetv2_160")
ghostnetv3_050 = _application("ghostnetv3_050")
ghostnetv3_100 = _application("ghostnetv3_100")
ghostnetv3_130 = _application("ghostnetv3_130")
ghostnetv3_160 = _application("ghostnetv3_160")
repghostnet_050 = _application("repghostnet_050")
repghostnet_058 = _application("repghostnet_058")
repghostnet_080 = _application("repghostnet_080")
repghostnet_100 = _application("repghostnet_100")
repghostnet_111 = _application("repghostnet_111")
repghostnet_130 = _application("repghostnet_130")
repghostnet_150 = _application("repghostnet_150")
repghostnet_200 = _application("repghostnet_200")
