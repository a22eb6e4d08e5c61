"""Fourteen mistakes of ports, none of which keys and shapes can tell.

Each can sit in an import (`inject` changes a network before it is written) or in the loading of an
implementation: as `tests.porting_faults:NAME` it is the oracle, which loads like that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np

from conformance.oracle import adapter
from weights import configure
from weights.tensors import DEPTHWISE, RUNNING_MEAN, RUNNING_VAR


@dataclass(frozen=True)
class Network:
    """What an importer makes of a checkpoint, and what an implementation loads."""

    architecture: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(repr=False)

    def names(self, kind: str) -> list[str]:
        """The names of all tensors of a kind."""
        specs = configure(self.architecture, self.config).tensors()
        return [spec.name for spec in specs if spec.kind == kind]

    def with_tensors(self, changed: Mapping[str, np.ndarray]) -> Network:
        """The same network but for these tensors."""
        return replace(self, tensors=self.tensors | dict(changed))

    def swapped(self, pairs: Mapping[str, str]) -> Network:
        """The same network with tensors that changed places."""
        both = pairs | {second: first for first, second in pairs.items()}
        return self.with_tensors({name: self.tensors[other] for name, other in both.items()})


@dataclass(frozen=True)
class Places:
    """Where in a network the faults sit that are in one place only."""

    kernel: str
    blocks: tuple[str, str]
    halves: str
    mean: str
    bias: str


PLACES = {
    "ghost_resnet20": Places(
        kernel="layer2.1.conv1.cheap_conv.0.weight",
        blocks=("layer2.1", "layer2.2"),
        halves="layer1.1.conv2",
        mean="layer3.0.bn1.running_mean",
        bias="linear.bias",
    ),
    "ghost_resnet56": Places(
        kernel="layer2.4.conv2.cheap_conv.0.weight",
        blocks=("layer3.3", "layer3.7"),
        halves="layer1.5.conv1",
        mean="layer3.2.bn1.running_mean",
        bias="linear.bias",
    ),
    "ghostnet": Places(
        kernel="blocks.4.0.ghost1.cheap_conv.0.weight",
        blocks=("blocks.6.1", "blocks.6.2"),
        halves="blocks.2.0.ghost1",
        mean="blocks.7.0.ghost2.primary_conv.1.running_mean",
        bias="conv_head.bias",
    ),
}


@dataclass(frozen=True)
class PortingFault:
    """A mistake in the import, by `inject`; called, an implementation that makes it in loading."""

    inject: Callable[[Network], Network]

    def __call__(
        self, architecture: str, config: Mapping[str, Any], weights: Mapping[str, np.ndarray]
    ) -> adapter.Adapter:
        wrong = self.inject(Network(architecture, dict(config), dict(weights)))
        return adapter.build(wrong.architecture, wrong.config, wrong.tensors)


@PortingFault
def weight_and_bias_swapped(network: Network) -> Network:
    return _vectors_swapped(network, "weight", "bias")


@PortingFault
def mean_and_variance_swapped(network: Network) -> Network:
    return _vectors_swapped(network, "running_mean", "running_var")


@PortingFault
def weight_and_variance_swapped(network: Network) -> Network:
    return _vectors_swapped(network, "weight", "running_var")


@PortingFault
def bias_and_mean_swapped(network: Network) -> Network:
    return _vectors_swapped(network, "bias", "running_mean")


@PortingFault
def statistics_dropped(network: Network) -> Network:
    values = {RUNNING_MEAN: 0, RUNNING_VAR: 1}
    fresh = {name: value for kind, value in values.items() for name in network.names(kind)}
    return network.with_tensors(
        {name: np.full_like(network.tensors[name], value) for name, value in fresh.items()}
    )


@PortingFault
def depthwise_kernels_transposed(network: Network) -> Network:
    return _kernels_changed(network, network.names(DEPTHWISE), lambda w: w.swapaxes(2, 3))


@PortingFault
def one_depthwise_kernel_transposed(network: Network) -> Network:
    kernel = PLACES[network.architecture].kernel
    return _kernels_changed(network, [kernel], lambda w: w.swapaxes(2, 3))


@PortingFault
def depthwise_kernels_flipped(network: Network) -> Network:
    return _kernels_changed(network, network.names(DEPTHWISE), lambda w: w[:, :, ::-1, ::-1])


@PortingFault
def blocks_swapped(network: Network) -> Network:
    first, second = PLACES[network.architecture].blocks
    return network.swapped(_pairs(network, f"{first}.", f"{second}."))


@PortingFault
def halves_swapped(network: Network) -> Network:
    layer = PLACES[network.architecture].halves
    return network.swapped(_pairs(network, f"{layer}.primary_conv.1.", f"{layer}.cheap_conv.1."))


@PortingFault
def rounded_to_bfloat16(network: Network) -> Network:
    return network.with_tensors(
        {
            name: array.astype(ml_dtypes.bfloat16).astype(array.dtype)
            for name, array in network.tensors.items()
        }
    )


@PortingFault
def one_mean_off(network: Network) -> Network:
    name = PLACES[network.architecture].mean
    changed = network.tensors[name].copy()
    changed[0] += 1e-3
    return network.with_tensors({name: changed})


@PortingFault
def another_eps(network: Network) -> Network:
    return replace(network, config=network.config | {"bn_eps": 1e-3})


@PortingFault
def head_bias_missing(network: Network) -> Network:
    name = PLACES[network.architecture].bias
    return network.with_tensors({name: np.zeros_like(network.tensors[name])})


FAULTS: dict[str, PortingFault] = {
    name: value for name, value in list(globals().items()) if isinstance(value, PortingFault)
}


def _vectors_swapped(network: Network, first: str, second: str) -> Network:
    norms = [name.removesuffix(".running_var") for name in network.names(RUNNING_VAR)]
    return network.swapped({f"{norm}.{first}": f"{norm}.{second}" for norm in norms})


def _kernels_changed(
    network: Network, names: list[str], change: Callable[[np.ndarray], np.ndarray]
) -> Network:
    changed = {name: np.ascontiguousarray(change(network.tensors[name])) for name in names}
    return network.with_tensors(changed)


def _pairs(network: Network, first: str, second: str) -> dict[str, str]:
    names = [name for name in network.tensors if name.startswith(first)]
    return {name: second + name.removeprefix(first) for name in names}
