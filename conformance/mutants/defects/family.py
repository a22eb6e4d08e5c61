"""Defects of branches, bottlenecks, blocks and whole networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.faults.changes import (
    Change,
    activation,
    each,
    outputs,
    with_methods,
)
from conformance.mutants.defects.attention import odd_rows_too
from conformance.mutants.mutant import Mutant
from conformance.oracle import layers
from conformance.oracle.bottleneck import Bottleneck, GhostBottleneck
from conformance.oracle.branches import ConvNorm
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.ghost_conv_v3 import GhostConvV3
from conformance.oracle.layers import LeakyReLU, identity, relu, relu6
from conformance.oracle.networks import vgg
from conformance.oracle.networks.basic_block import BasicBlock
from conformance.oracle.networks.ghostnet import GhostNet
from conformance.oracle.networks.network import Network
from conformance.oracle.networks.resnet import GhostResNet
from conformance.oracle.weighted import Convolution, Linear
from conformance.oracle.yolo import C3Ghost
from weights.columns import planned

# Bound before mutants below replace them in their modules.
_branches = planned.branches


def _sloping_by_a_tenth(half: Any) -> None:
    half.act = LeakyReLU(0.1) if isinstance(half.act, LeakyReLU) else half.act


def no_bias(part: Any) -> None:
    """Leave the bias of a part out."""
    part.bias = None if part.bias is None else np.zeros_like(part.bias)


def excited_early(self: Any, x: Any) -> Any:
    """A bottleneck's output with the excitation before the stride."""
    layers.check_input(self, x)
    out = self.ghost1(x)
    out = self._strided(out if self.se is None else self.se(out))
    return self.ghost2(out) + self._shortcut(x)


def strided_activated(self: Any, x: Any) -> Any:
    """A bottleneck's strided convolution, if it has one, activated."""
    out = Bottleneck._strided(self, x)
    return out if self.conv_dw is None else relu(out)


def shortcut_twice(self: Any, x: Any) -> Any:
    """A bottleneck's shortcut, doubled."""
    return 2 * Bottleneck._shortcut(self, x)


def _one_branch_less(module: Any, plan: Any) -> list[Any]:
    found = _branches(module, plan)
    return found[:-1] if len(found) > 1 else found


def _head_first(self: Any, x: Any) -> Any:
    """Pool after the convolution of the head, not before."""
    out = self.conv_head(x)
    if self.bn_head is not None:
        out = self.bn_head(out)
    x = layers.global_avg_pool(self.relu(out)).reshape(len(x), -1)
    yield "conv_head", x
    if self.classifier is not None:
        yield "logits", self.classifier(self.dropout(x))


def _doubled_branch(module: Any, plan: Any) -> list[Any]:
    found = _branches(module, plan)
    return [*found, found[-1]]


def _second_activated(block: Any) -> None:
    for half in ("primary_conv", "cheap_conv"):
        activation(half, relu)(block.ghost2)


def _dilated_alike(block: Bottleneck) -> None:
    """Dilate the second ghost module as the first, not as what comes after the stride."""
    first, second = block.plan.ghost1.dw_dilation, block.ghost2.cheap_conv
    if isinstance(second, ConvNormAct):
        padding = tuple(size // block.plan.dilation * first for size in second.conv.padding)
        second.conv = replace(second.conv, dilation=(first, first), padding=padding)


def _halves_swapped(self: Any, x: Any) -> Any:
    out = self.cv1(x)
    for block in self.m:
        out = block(out)
    return self.cv3(np.concatenate([self.cv2(x), out], axis=1))


def _zeros_after(self: Any, x: Any) -> Any:
    """Add all zero channels at the end."""
    stride, extra = self.block.stride, self.block.extra_channels
    return np.pad(x[:, :, ::stride, ::stride], ((0, 0), (0, 2 * extra), (0, 0), (0, 0)))


def _averaged_shortcut(self: Any, x: Any) -> Any:
    extra = self.block.extra_channels
    x = x if self.block.stride == 1 else odd_rows_too(x)
    return np.pad(x, ((0, 0), (extra, extra), (0, 0), (0, 0)))


def _added_after_relu(self: Any, x: Any) -> Any:
    out = self.relu(self.bn1(self.conv1(x)))
    return self.relu(self.bn2(self.conv2(out))) + self.shortcut(x)


def _softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _dropping(x: Any) -> Any:
    """Dropout as in training, of every fifth feature."""
    return np.where(np.arange(x.shape[1]) % 5, x * x.dtype.type(1.25), 0)


def network(**attributes: Any) -> Change:
    """Set attributes of every network that has them."""

    def edit(found: Any) -> None:
        vars(found).update({n: v for n, v in attributes.items() if n in vars(found)})

    return each(Network, edit)


def _blocks_reversed(found: Any) -> None:
    for name in ("layer1", "layer2", "layer3"):
        first, *others = getattr(found, name)
        setattr(found, name, [first, *reversed(others)])


def _stages_late(built: Any) -> None:
    """Report every stage as the one after it."""
    right = built.taps

    def taps(x: Any) -> dict[str, Any]:
        found = right(x)
        names = list(found)
        return dict(zip(names, [found[names[0]], *list(found.values())[:-1]], strict=True))

    built.taps = taps


FAMILY = "family"
FAMILY_MUTANTS = (
    Mutant("slope-of-a-tenth", "every leaky relu has the slope 0.1", FAMILY,
           each(ConvNormAct, _sloping_by_a_tenth)),
    Mutant("no-convolution-bias", "biases of convolutions dropped", FAMILY,
           each(Convolution, no_bias)),
    Mutant("no-classifier-bias", "the bias of the classifier dropped", FAMILY,
           each(Linear, no_bias)),
    Mutant("no-shortcut", "a bottleneck without its shortcut", FAMILY,
           with_methods(GhostBottleneck, _shortcut=lambda self, x: 0)),
    Mutant("excited-early", "squeeze-and-excitation before the stride", FAMILY,
           with_methods(GhostBottleneck, __call__=excited_early)),
    Mutant("a-branch-less", "the last branch left out", FAMILY,
           patches=((planned, "branches", _one_branch_less),)),
    Mutant("head-first", "pooling after the head", FAMILY,
           patches=((GhostNet, "_head", _head_first),)),
    Mutant("a-branch-twice", "the last branch added twice", FAMILY,
           patches=((planned, "branches", _doubled_branch),)),
    Mutant("branches-activated", "every branch activated by itself", FAMILY,
           outputs(ConvNorm, lambda part, x, out: relu(out))),
    Mutant("branches-not-activated", "the sum of branches not activated", FAMILY,
           each(GhostConvV3, lambda part: setattr(part, "act", identity))),
    Mutant("second-activated", "the second ghost module activated", FAMILY,
           each(GhostBottleneck, _second_activated)),
    Mutant("dilated-alike", "the second ghost module dilated as the first", FAMILY,
           each(Bottleneck, _dilated_alike)),
    Mutant("strided-activated", "the strided convolution activated", FAMILY,
           with_methods(GhostBottleneck, _strided=strided_activated)),
    Mutant("block-activated", "a bottleneck activated at its end", FAMILY,
           outputs(GhostBottleneck, lambda part, x, out: relu(out))),
    Mutant("shortcut-not-activated", "the shortcut's activation missing", FAMILY,
           each(GhostBottleneck, lambda part: setattr(part, "shortcut_act", identity))),
    Mutant("shortcut-twice", "the shortcut added twice", FAMILY,
           with_methods(GhostBottleneck, _shortcut=shortcut_twice)),
    Mutant("c3-swapped", "C3Ghost: the two paths joined in the other order", FAMILY,
           with_methods(C3Ghost, __call__=_halves_swapped)),
    Mutant("c3-block-less", "C3Ghost: the last block left out", FAMILY,
           each(C3Ghost, lambda part: setattr(part, "m", part.m[:-1]))),
    Mutant("zeros-after", "ResNet's zero channels all at the end", FAMILY,
           with_methods(BasicBlock, shortcut=_zeros_after)),
    Mutant("averaged-shortcut", "ResNet's shortcut by means over 2x2", FAMILY,
           with_methods(BasicBlock, shortcut=_averaged_shortcut)),
    Mutant("added-after-relu", "ResNet's shortcut added after relu", FAMILY,
           with_methods(BasicBlock, __call__=_added_after_relu)),
    Mutant("blocks-reversed", "ResNet's blocks of a stage in reverse order", FAMILY,
           each(GhostResNet, _blocks_reversed)),
    Mutant("means-for-maxima", "VGG's maxima over 2x2 are means", FAMILY,
           patches=((vgg, "max_pool_2x2", layers.avg_pool_2x2),)),
    Mutant("softmax", "probabilities for logits", FAMILY,
           outputs(Linear, lambda part, x, out: _softmax(out))),
    Mutant("classes-reversed", "the classes in reverse", FAMILY,
           outputs(Linear, lambda part, x, out: out[:, ::-1])),
    Mutant("dropping", "dropout in inference", FAMILY, network(dropout=_dropping)),
    Mutant("stem-cut-at-6", "relu6 for relu in a network", FAMILY, network(relu=relu6)),
    Mutant("head-not-activated", "the activation of a network missing", FAMILY,
           network(relu=identity)),
    Mutant("no-head-norm", "the norm of the head missing", FAMILY, network(bn_head=identity)),
    Mutant("stages-late", "every stage reported as the next", FAMILY, adapt=_stages_late),
)  # fmt: skip
