"""A program of a user; a checker of types must refuse the lines that end in `# error`."""

from pathlib import Path
from typing import Any, assert_type

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import weights
from ghost_jax import (
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
    rngs = nnx.Rngs(0)
    layer = GhostConv(8, 16, 3, padding=(1, 1), split="ceil", activation="silu", rngs=rngs)
    assert_type(layer.c_int, int)
    assert_type(layer.config, dict[str, Any])
    out: jax.Array = layer(jnp.zeros((1, 4, 4, 8)))
    print(out.shape, layer.primary_conv, layer.cheap_conv)

    gate, block = SqueezeExcite(16, rngs=rngs), GhostBottleneck(8, 16, 8, rngs=rngs)
    print(gate, block, C3Ghost(16, 32, 2, rngs=rngs).config)
    print(GhostVGG16(10, rngs=rngs).plan.macs(32, 32), GhostResNet20(10, rngs=rngs).config)

    network = ghostnet_100(num_classes=10, in_chans=1, rngs=rngs)
    assert_type(network, GhostNet)
    assert_type(ghostnetv2_130(pretrained=folder / "v2.safetensors", rngs=rngs), GhostNetV2)
    assert_type(network.features(jnp.zeros((1, 64, 64, 1))), dict[str, jax.Array])
    assert_type(reset_classifier(network, 3), GhostNet)
    assert_type(deploy(network), GhostNet)
    assert_type(deploy(layer, form="folded"), GhostConv)

    save_weights(network, folder / "network.safetensors", overwrite=True)
    load_weights(network, "network.safetensors", allow_missing=["classifier.*"])
    print(from_file("network.safetensors").config)
    tensors: dict[str, np.ndarray] = state(network)
    set_state(network, tensors)

    model = nnx.Sequential(nnx.Conv(3, 8, (3, 3), rngs=rngs), nnx.relu)
    model, report = replace_convolutions(model, exclude=["x.*"], split="floor", rngs=rngs)
    assert_type(model, nnx.Sequential)
    for replaced in report.replaced:
        print(replaced.path, replaced.weights, replaced.config.kernel_size)
    print(weights.__version__)


def refused(layer: GhostConv, network: GhostNet, model: nnx.Sequential, rngs: nnx.Rngs) -> None:
    ghostnet_100(num_clases=10, rngs=rngs)  # error
    ghostnet_100(num_classes="10", rngs=rngs)  # error
    ghostnet_100(pretrained=3, rngs=rngs)  # error
    GhostConv(8, 16, kernel=3, rngs=rngs)  # error
    GhostConv("8", 16, rngs=rngs)  # error
    GhostConv(8, 16)  # error
    GhostConv(8, rngs=rngs)  # error
    GhostConv(8, 16, rngs=0)  # error
    GhostConv(8, 16, kernel_size=(3, 3, 3), rngs=rngs)  # error
    GhostConv(8, 16, split="rond", rngs=rngs)  # error
    GhostConv(8, 16, activation="gelu", rngs=rngs)  # error
    GhostConv(8, 16, form="fold", rngs=rngs)  # error
    GhostConv(8, 16, axis_name=1, rngs=rngs)  # error
    GhostConv(8, 16, device="cpu", rngs=rngs)  # error
    GhostNet(depth=2, rngs=rngs)  # error
    GhostResNet20(num_classes=10, widths=16, rngs=rngs)  # error
    GhostVGG16(hidden="yes", rngs=rngs)  # error
    GhostBottleneck(8, 16, 8, strides=2, rngs=rngs)  # error
    GhostBottleneck(8, 16, 8, se_rounding="up", rngs=rngs)  # error
    SqueezeExcite(16, "0.25", rngs=rngs)  # error
    C3Ghost(16, 32, depth=2, rngs=rngs)  # error
    layer.c_inner  # error
    layer.c_int.shape  # error
    network.features(jnp.zeros((1, 64, 64, 3)))["layer1"].shapes  # error
    save_weights("layer.safetensors", layer)  # error
    save_weights(layer, "layer.safetensors", over_write=True)  # error
    load_weights(layer, "layer.safetensors", strict=False)  # error
    from_file(b"layer")  # error
    set_state(layer, "layer.safetensors")  # error
    deploy(layer, form="fold")  # error
    reset_classifier(network, "10")  # error
    replace_convolutions(model, ratios=2, rngs=rngs)  # error
    replace_convolutions("model", rngs=rngs)  # error
    replace_convolutions(model, split="rond", rngs=rngs)  # error
    replace_convolutions(model, rngs=rngs)[1].replacements  # error
