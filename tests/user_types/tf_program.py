"""A program of a user; a checker of types must refuse the lines that end in `# error`.

Keras has no types: mypy takes its classes for anything, pyright reads its sources.
"""

from pathlib import Path
from typing import Any, assert_type

import keras
import numpy as np

import weights
from ghost_tf import (
    C3Ghost,
    GhostBottleneck,
    GhostConv,
    GhostNet,
    GhostNetV2,
    GhostResNet20,
    GhostVGG16,
    SqueezeExcite,
    deploy,
    from_file,
    ghostnet_100,
    ghostnetv2_130,
    load_weights,
    replace_convolutions,
    reset_classifier,
    save_weights,
    set_state,
    state,
)


def accepted(folder: Path) -> None:
    layer = GhostConv(8, 16, 3, padding=(1, 1), data_format="channels_last", name="ghost")
    assert_type(layer.c_int, int)
    assert_type(layer.config, dict[str, Any])
    out = layer(keras.ops.zeros((1, 4, 4, 8)))
    print(out.shape, layer.primary_conv, layer.cheap_conv)

    gate, block = SqueezeExcite(16), GhostBottleneck(8, 16, 8)
    print(gate, block, C3Ghost(16, 32, 2).config)
    print(GhostVGG16(10).plan.macs(32, 32), GhostResNet20(10).config)

    network = ghostnet_100(num_classes=10, in_chans=1)
    assert_type(network, GhostNet)
    assert_type(ghostnetv2_130(pretrained=folder / "v2.safetensors"), GhostNetV2)
    assert_type(network.features(keras.ops.zeros((1, 64, 64, 1))), dict[str, Any])
    assert_type(reset_classifier(network, 3), GhostNet)
    assert_type(deploy(network), GhostNet)
    assert_type(deploy(layer, form="folded"), GhostConv)

    save_weights(network, folder / "network.safetensors", overwrite=True)
    load_weights(network, "network.safetensors", allow_missing=["classifier.*"])
    print(from_file("network.safetensors").config)
    tensors: dict[str, np.ndarray] = state(network)
    set_state(network, tensors)

    model = keras.Sequential([keras.layers.Conv2D(8, 3), keras.layers.ReLU()])
    model, report = replace_convolutions(model, exclude=["x.*"], split="floor")
    print(model.layers)
    for replaced in report.replaced:
        print(replaced.path, replaced.weights, replaced.config.kernel_size)
    print(weights.__version__)


def refused(layer: GhostConv, network: GhostNet, model: keras.Sequential) -> None:
    ghostnet_100(num_clases=10)  # error
    ghostnet_100(num_classes="10")  # error
    ghostnet_100(pretrained=3)  # error
    GhostConv(8, 16, kernel=3)  # error
    GhostConv("8", 16)  # error
    GhostConv(8)  # error
    GhostConv(8, 16, kernel_size=(3, 3, 3))  # error
    GhostConv(8, 16, split="rond")  # error
    GhostConv(8, 16, activation="gelu")  # error
    GhostConv(8, 16, form="fold")  # error
    GhostConv(8, 16, data_format="NCHW")  # error
    GhostConv(8, 16, name=3)  # error
    GhostConv(8, 16, kernel_initialiser="zeros")  # error
    GhostNet(depth=2)  # error
    GhostResNet20(num_classes=10, widths=16)  # error
    GhostVGG16(hidden="yes")  # error
    GhostBottleneck(8, 16, 8, strides=2)  # error
    GhostBottleneck(8, 16, 8, se_rounding="up")  # error
    SqueezeExcite(16, "0.25")  # error
    C3Ghost(16, 32, depth=2)  # error
    layer.c_int.shape  # error
    save_weights("layer.safetensors", layer)  # error: pyright
    save_weights(layer, "layer.safetensors", over_write=True)  # error
    load_weights(layer, "layer.safetensors", strict=False)  # error
    from_file(b"layer")  # error
    set_state(layer, "layer.safetensors")  # error
    deploy(layer, form="fold")  # error
    reset_classifier(network, "10")  # error
    replace_convolutions(model, ratios=2)  # error
    replace_convolutions("model")  # error: pyright
    replace_convolutions(model, split="rond")  # error
    replace_convolutions(model)[1].replacements  # error
