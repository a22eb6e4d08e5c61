"""GhostConv in MLX, written from docs/specification.md alone, whose clauses § names.

In this folder `ghost-conformance run --implementation mlx_ghost_conv:build` judges it;
docs/implementing-from-the-specification.md tells how it was made.
"""

import mlx.core as mx
import numpy as np

from conformance import NotSupported
from weights import configure, read_file, write_file

ACTIVATIONS = {
    "relu": lambda x: mx.maximum(x, 0),
    "relu6": lambda x: mx.minimum(mx.maximum(x, 0), 6),
    "silu": lambda x: x * mx.sigmoid(x),
    "hard_swish": lambda x: x * (mx.minimum(mx.maximum(x + 3, 0), 6) / 6),  # x * 6 may overflow
    "identity": lambda x: x,
}


def to_mlx(array):
    """An array whose channels, the second of four axes, are the last: an image's or a kernel's."""
    array = np.asarray(array, np.float32)
    return mx.array(np.moveaxis(array, 1, -1) if array.ndim == 4 else array)


def to_numpy(array):
    """The reverse."""
    return np.moveaxis(np.array(array), -1, 1) if array.ndim == 4 else np.array(array)


def statistics(x):
    """The mean and the variance of every channel, in two passes (§6.2)."""
    mean = mx.mean(x, axis=(0, 1, 2))
    return mean, mx.mean(mx.square(x - mean), axis=(0, 1, 2))


class GhostConv:
    """A layer that keeps its tensors as they were given, in canonical layout."""

    def __init__(self, config, tensors):
        self.config = config
        self.tensors = {name: np.array(tensor) for name, tensor in tensors.items()}

    def __call__(self, x):
        """The output of inference."""
        return to_numpy(self.forward(self.parameters(), self.images(x)))

    def taps(self, x):
        """The only stage of a layer."""
        return {"output": self(x)}

    def state(self):
        """Every tensor, bit for bit."""
        return {name: tensor.copy() for name, tensor in self.tensors.items()}

    def save(self, path):
        """Write the interchange file."""
        write_file(path, "ghost_conv", self.config.to_dict(), self.tensors, overwrite=True)

    def load(self, path):
        """Take the tensors of a file of the same layer, all or none."""
        file = read_file(path, allow_invalid=True)
        if configure(file.architecture, file.config) != self.config:
            raise ValueError(f"{path} holds another layer than {self.config}")
        if any(file.tensors[name].dtype != self.tensors[name].dtype for name in self.tensors):
            raise ValueError(f"{path} holds tensors of other types")
        self.tensors = file.tensors

    def train_step(self, x, output_cotangent):
        """Output and gradients by the statistics of the batch, which move the running ones."""
        if self.config.form != "training":
            raise ValueError("a folded layer has no batch normalisation to train")
        parameters, cotangent = self.parameters(), to_mlx(output_cotangent)
        trainable = {name: value for name, value in parameters.items() if ".running_" not in name}

        def loss(trainable, x):
            state = {}
            y = self.forward(parameters | trainable, x, state)
            return mx.sum(y * cotangent), y, state

        step = mx.value_and_grad(loss, argnums=(0, 1))
        (_, y, state), (grads, grad_input) = step(trainable, self.images(x))
        self.tensors |= {name: to_numpy(value) for name, value in state.items()}
        return {
            "output": to_numpy(y),
            "grad_input": to_numpy(grad_input),
            "grads": {name: to_numpy(grad) for name, grad in grads.items()},
            "state": {name: to_numpy(value) for name, value in state.items()},
        }

    def parameters(self):
        """The tensors as MLX takes them."""
        return {name: to_mlx(tensor) for name, tensor in self.tensors.items()}

    def images(self, x):
        """The input as MLX takes it."""
        if np.ndim(x) != 4 or np.shape(x)[1] != self.config.c_in:
            raise ValueError(f"no images of {self.config.c_in} channels: {np.shape(x)}")
        return to_mlx(x)

    def forward(self, parameters, x, state=None):
        """The output; with `state`, by the statistics of the batch, and the new ones go there."""
        config = self.config
        geometry = config.padding, config.stride, config.dilation, config.groups
        y = self.half("primary_conv", parameters, state, x, *geometry)
        if "cheap_conv.0.weight" in parameters:
            rate = config.dw_dilation
            around = rate * (config.dw_kernel_size // 2)
            ghosts = self.half("cheap_conv", parameters, state, y, around, 1, rate, y.shape[-1])
            y = mx.concatenate([y, ghosts], axis=-1)
        return y[..., : config.c_out]

    def half(self, name, parameters, state, x, padding, stride, dilation, groups):
        """A convolution, its batch normalisation and the activation."""
        kernel, bias = parameters[f"{name}.0.weight"], parameters.get(f"{name}.0.bias", 0)
        x = bias + mx.conv_general(x, kernel, stride, padding, dilation, groups=groups)
        if self.config.form == "training":
            x = self.normalise(f"{name}.1", parameters, state, x)
        name, _, slope = self.config.activation.partition(":")
        return mx.maximum(x, x * float(slope)) if slope else ACTIVATIONS[name](x)

    def normalise(self, name, parameters, state, x):
        """Batch normalisation, by the running statistics or, with `state`, by those of `x`."""
        running = parameters[f"{name}.running_mean"], parameters[f"{name}.running_var"]
        mean, var = running if state is None else statistics(x)
        if state is not None:
            count, momentum = x.size // x.shape[-1], self.config.bn_momentum
            if count == 1:
                raise ValueError("one value has no variance to train with")
            batch = mean, var * count / (count - 1)
            for key, old, new in zip(("mean", "var"), running, batch, strict=True):
                state[f"{name}.running_{key}"] = (1 - momentum) * old + momentum * new
        x = (x - mean) / mx.sqrt(var + self.config.bn_eps)
        return x * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]


def strict_arithmetic():
    """Keep to the CPU: Winograd's algorithm runs large convolutions on Apple's GPUs (§5.1)."""
    mx.set_default_device(mx.cpu)
    return {"mlx": "on the CPU"}


def build(architecture, config, weights):
    """Return the layer that the suite asks for."""
    if architecture != "ghost_conv":
        raise NotSupported("it is the layer GhostConv, none of the others and no network")
    return GhostConv(configure(architecture, config), weights)
