"""GhostConv in MLX, written from docs/specification.md alone; §2.2 is its clause 2.2.

    ghost-conformance run --implementation mlx_ghost_conv:build

Images are NHWC and kernels (O, kh, kw, I) inside, as MLX has them, NCHW and (O, I, kh, kw) outside.
"""

import math

import mlx.core as mx
import numpy as np

from conformance import NotSupported
from weights import read_file, write_file

ACTIVATIONS = {
    "relu": lambda x: mx.maximum(x, 0),
    "relu6": lambda x: mx.minimum(mx.maximum(x, 0), 6),
    "silu": lambda x: x * mx.sigmoid(x),
    "hard_swish": lambda x: x * (mx.minimum(mx.maximum(x + 3, 0), 6) / 6),  # x * 6 may overflow
    "identity": lambda x: x,
}


def is_whole(value, least=1):
    return type(value) is int and value >= least


def is_size(value, least=1):
    return is_whole(value, least) or (
        type(value) is list and len(value) == 2 and all(is_whole(size, least) for size in value)
    )


def is_positive(value):
    return type(value) in (int, float) and 0 < value < math.inf


RULES = {  # §2.1
    "c_in": is_whole,
    "c_out": is_whole,
    "kernel_size": is_size,
    "ratio": is_positive,
    "dw_kernel_size": lambda value: is_whole(value) and value % 2 == 1,
    "stride": is_size,
    "padding": lambda value: is_size(value, least=0),
    "dilation": is_size,
    "groups": is_whole,
    "split": lambda value: value in ("round", "ceil", "floor"),
    "activation": lambda value: value in ACTIVATIONS,
    "bn_eps": is_positive,
    "bn_momentum": lambda value: is_positive(value) and value <= 1,
    "form": lambda value: value in ("training", "folded"),
    "bias": lambda value: type(value) is bool,
}


def check(config):
    """Refuse a `config` that breaks a rule of section 2."""
    for name in config.keys() | RULES.keys():
        if name not in RULES or name not in config or not RULES[name](config[name]):
            raise ValueError(f"no {name} of a GhostConv: {config.get(name)!r}")
    c_in, c_out, ratio, groups = (config[name] for name in ("c_in", "c_out", "ratio", "groups"))
    if config["split"] == "round":
        c_int = max(1, round(c_out / ratio))
    elif ratio % 1 or (config["split"] == "floor" and c_out % ratio):
        raise ValueError(f"split {config['split']!r} does not take ratio {ratio} of {c_out}")
    else:
        c_int = math.ceil(c_out / ratio)
    if c_in % groups or c_int % groups:
        raise ValueError(f"groups {groups} do not divide {c_in} and {c_int} channels")


def pair(size):
    return size if isinstance(size, list) else [size, size]


def to_mlx(array):
    """Images and kernels alike: the axis of channels goes from the second place to the last."""
    array = np.asarray(array, np.float32)
    return mx.array(np.moveaxis(array, 1, -1) if array.ndim == 4 else array)


def to_numpy(array):
    return np.moveaxis(np.array(array), -1, 1) if array.ndim == 4 else np.array(array)


class GhostConv:
    """A layer that keeps its tensors as they were given, in canonical layout."""

    def __init__(self, config, tensors):
        check(config)
        self.config = config
        self.tensors = {name: np.array(tensor) for name, tensor in tensors.items()}

    def __call__(self, x):
        return to_numpy(self.forward(self.parameters(), self.images(x)))

    def taps(self, x):
        return {"output": self(x)}

    def state(self):
        return {name: tensor.copy() for name, tensor in self.tensors.items()}

    def save(self, path):
        write_file(path, "ghost_conv", self.config, self.tensors, overwrite=True)

    def load(self, path):
        file = read_file(path, allow_invalid=True)
        config = {"form": "training", "bias": False, **file.config}  # §9.7, §9.14
        types = {name: tensor.dtype for name, tensor in file.tensors.items()}
        if (file.architecture, config) != ("ghost_conv", self.config) or types != {
            name: tensor.dtype for name, tensor in self.tensors.items()
        }:
            raise ValueError(f"{path} holds another module, or tensors of other types")
        self.tensors = file.tensors

    def train_step(self, x, output_cotangent):
        if self.config["form"] != "training":
            raise ValueError("a folded layer has no batch normalisation to train")
        parameters, cotangent = self.parameters(), to_mlx(output_cotangent)
        trainable = {name: value for name, value in parameters.items() if ".running_" not in name}

        def loss(trainable, x):
            state = {}
            y = self.forward(parameters | trainable, x, state)
            return mx.sum(y * cotangent), y, state

        step = mx.value_and_grad(loss, argnums=(0, 1))
        (_, y, state), (grads, grad_input) = step(trainable, self.images(x))
        state = {name: np.array(value) for name, value in state.items()}
        self.tensors = self.tensors | state
        return {
            "output": to_numpy(y),
            "grad_input": to_numpy(grad_input),
            "grads": {name: to_numpy(grad) for name, grad in grads.items()},
            "state": state,
        }

    def parameters(self):
        return {name: to_mlx(tensor) for name, tensor in self.tensors.items()}

    def images(self, x):
        if np.ndim(x) != 4 or np.shape(x)[1] != self.config["c_in"]:
            raise ValueError(f"no images of {self.config['c_in']} channels: {np.shape(x)}")
        return to_mlx(x)

    def forward(self, parameters, x, state=None):
        """The output; with `state`, by the statistics of the batch, and the new ones go there."""
        config = self.config
        geometry = [pair(config[name]) for name in ("padding", "stride", "dilation")]
        y = self.half("primary_conv", parameters, state, x, *geometry, config["groups"])
        if "cheap_conv.0.weight" in parameters:
            around, channels = config["dw_kernel_size"] // 2, y.shape[-1]
            b = self.half("cheap_conv", parameters, state, y, [around, around], 1, 1, channels)
            y = mx.concatenate([y, b], axis=-1)
        return y[..., : config["c_out"]]

    def half(self, name, parameters, state, x, padding, stride, dilation, groups):
        # MLX's grouped convolution passes over its own padding, where 0 * inf is NaN (§5.2).
        x = mx.pad(x, [(0, 0), *((size, size) for size in padding), (0, 0)])
        x = mx.conv_general(
            x, parameters[f"{name}.0.weight"], stride, 0, kernel_dilation=dilation, groups=groups
        )
        x = x + parameters.get(f"{name}.0.bias", 0)
        if self.config["form"] == "training":
            x = self.normalise(f"{name}.1", parameters, state, x)
        return ACTIVATIONS[self.config["activation"]](x)

    def normalise(self, name, parameters, state, x):
        mean, var = parameters[f"{name}.running_mean"], parameters[f"{name}.running_var"]
        if state is not None:
            count, momentum = x.size // x.shape[-1], self.config["bn_momentum"]
            if count == 1:
                raise ValueError("one value has no variance")
            kept = (1 - momentum) * mean, (1 - momentum) * var
            mean = mx.mean(x, axis=(0, 1, 2))
            var = mx.mean(mx.square(x - mean), axis=(0, 1, 2))
            state[f"{name}.running_mean"] = kept[0] + momentum * mean
            state[f"{name}.running_var"] = kept[1] + momentum * count / (count - 1) * var
        x = (x - mean) / mx.sqrt(var + self.config["bn_eps"])
        return x * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]


def build(architecture, config, weights):
    """Return the layer that the suite asks for."""
    if architecture != "ghost_conv":
        raise NotSupported("it is the layer GhostConv, none of the others and no network")
    return GhostConv(config, weights)
