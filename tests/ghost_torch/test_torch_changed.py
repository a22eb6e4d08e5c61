"""A module changed by hand is saved and deployed as it is now, or refused by the layer's path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import ghost_torch
from ghost_torch import yolo
from weights import ArgumentError, read_file

CONV, NORM = "primary_conv.0", "primary_conv.1"
HEAD = "`module` must be what its configuration says, got one that was changed by hand:\n  - "


class Doubled(nn.Conv2d):
    """A convolution that computes something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class Named(nn.Conv2d):
    """A convolution that only adds to PyTorch's."""

    def fan_in(self) -> int:
        return self.in_channels


class Scaled(ghost_torch.GhostConv):
    """A layer that computes something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


def put(path: str, made: Callable[[], nn.Module]) -> Callable[[Any], None]:
    return lambda layer: layer.set_submodule(path, made())


def set_to(path: str, name: str, value: Any) -> Callable[[Any], None]:
    return lambda layer: setattr(layer.get_submodule(path), name, value)


def patch_forward(layer: Any) -> None:
    conv = layer.primary_conv[0]
    own = conv.forward
    conv.forward = lambda x: 2 * own(x)


def quantised_in_training() -> nn.Module:
    from torch.ao.nn import qat
    from torch.ao.quantization import default_qat_qconfig

    return qat.Conv2d(4, 4, 3, padding=1, bias=False, qconfig=default_qat_qconfig)


# what is done to a layer -> what its refusal says
CHANGES = [
    ("silu", put("primary_conv.2", nn.SiLU), "'primary_conv.2' is SiLU, not ReLU"),
    ("leaky", put("primary_conv.2", nn.LeakyReLU), "'primary_conv.2' is LeakyReLU, not ReLU"),
    ("bias", put(CONV, lambda: nn.Conv2d(4, 4, 3, padding=1)), f"'{CONV}' has bias given, not No"),
    ("group norm", put(NORM, lambda: nn.GroupNorm(2, 4)), f"'{NORM}' is GroupNorm, not BatchNo"),
    ("no affine", put(NORM, lambda: nn.BatchNorm2d(4, affine=False)), f"'{NORM}' has affine Fals"),
    ("removed weight", set_to(NORM, "weight", None), f"'{NORM}' has weight None, not given"),
    (
        "no statistics",
        put(NORM, lambda: nn.BatchNorm2d(4, track_running_stats=False)),
        f"'{NORM}' has track_running_stats False, not True",
    ),
    ("one eps", set_to(NORM, "eps", 1e-3), f"'{NORM}' has eps 0.001, not 1e-05"),
    ("stride", set_to(CONV, "stride", (2, 2)), f"'{CONV}' has stride (2, 2), not (1, 1)"),
    ("dilation", set_to(CONV, "dilation", (2, 2)), f"'{CONV}' has dilation (2, 2), not (1, 1)"),
    ("padding", set_to(CONV, "padding_mode", "reflect"), f"'{CONV}' has padding_mode reflect, no"),
    ("missing", set_to("", "cheap_conv", None), "'cheap_conv' (ConvNormAct) is missing"),
    ("added", lambda x: x.cheap_conv.append(nn.ReLU()), "'cheap_conv.3' (ReLU) is no part of it"),
    ("fused", put(NORM, nn.Identity), f"'{NORM}' is Identity, not BatchNorm2d"),
    ("own", put(CONV, lambda: Doubled(4, 4, 3)), f"'{CONV}' is {__name__}.Doubled, not Conv2d"),
    ("quantised", put(CONV, quantised_in_training), f"'{CONV}' is torch.ao.nn.qat.modules.conv.C"),
    ("patched", patch_forward, f"'{CONV}' is Conv2d with another forward, not Conv2d"),
]  # fmt: skip
# what is around a layer and changes nothing that it computes
WRAPPED = [
    ("synchronised", nn.SyncBatchNorm.convert_sync_batchnorm),
    ("derived", put(CONV, lambda: Named(4, 4, 3, padding=1, bias=False))),
    ("compiled half", lambda x: setattr(x, "cheap_conv", torch.compile(x.cheap_conv))),
    ("compiled", lambda x: x.compile(backend="eager")),
    ("channels last", lambda x: x.to(memory_format=torch.channels_last)),
    ("hooked", lambda x: x.primary_conv[0].register_forward_hook(lambda *_: None)),
    ("in place", set_to("primary_conv.2", "inplace", True)),
]


def layer_of(kind: Any = ghost_torch.GhostConv) -> Any:
    torch.manual_seed(0)
    return kind(4, 8, 3, padding=1)


def norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [each for each in module.modules() if isinstance(each, nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("change", "text"), [row[1:] for row in CHANGES], ids=[r[0] for r in CHANGES]
)
@pytest.mark.parametrize(
    "call", [ghost_torch.state, ghost_torch.deploy, lambda x: ghost_torch.set_state(x, {})],
    ids=["state", "deploy", "set_state"],
)  # fmt: skip
def test_what_no_configuration_describes_is_refused_by_its_path(
    change: Any, text: str, call: Any
) -> None:
    layer = layer_of()
    change(layer)

    with pytest.raises(ArgumentError) as error:
        call(layer)

    assert str(error.value).startswith(f"{HEAD}{text}")


# PyTorch's own: importing its default compiler uses what it deprecates.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("change", [row[1] for row in WRAPPED], ids=[row[0] for row in WRAPPED])
def test_what_computes_the_same_is_no_change(change: Any) -> None:
    layer = layer_of()
    changed = change(layer)

    state = ghost_torch.state(changed if isinstance(changed, ghost_torch.GhostConv) else layer)

    assert len(state) == 10


def test_a_class_that_computes_something_else_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"the module itself is .*Scaled, not GhostConv"):
        ghost_torch.state(layer_of(Scaled))


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [lambda: ghost_torch.GhostResNet20(ratio=4), lambda: ghost_torch.GhostBottleneck(8, 16, 8)],
    ids=["network", "block"],
)
def test_one_eps_and_momentum_set_by_hand_are_those_of_the_file(make: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = make().eval()
    for norm in norms(module):
        norm.eps, norm.momentum = 0.1, 0.03
        norm.running_var.uniform_(0.5, 1)

    ghost_torch.save_weights(module, tmp_path / "file.safetensors")
    again = ghost_torch.from_file(tmp_path / "file.safetensors").eval()

    config = read_file(tmp_path / "file.safetensors").config
    x = torch.randn(1, 3 if module.architecture == "ghost_resnet20" else 8, 32, 32)
    assert (config["bn_eps"], config["bn_momentum"]) == (0.1, 0.03)
    assert torch.equal(again(x), module(x))
    torch.testing.assert_close(ghost_torch.deploy(module)(x), module(x))


def test_a_dropout_set_by_hand_is_that_of_the_file(tmp_path: Path) -> None:
    network = ghost_torch.GhostVGG16()
    network.dropout.p = 0.5

    ghost_torch.save_weights(network, tmp_path / "file.safetensors")

    assert read_file(tmp_path / "file.safetensors").config["dropout"] == 0.5


def test_telling_what_a_module_is_draws_no_random_number() -> None:
    layer, before = ghost_torch.GhostConv(5, 7), torch.get_rng_state()

    ghost_torch.state(layer)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("make", [ghost_torch.deploy, lambda x: ghost_torch.reset_classifier(x, 3)])
def test_a_module_made_of_another_has_its_type(make: Any) -> None:
    network = ghost_torch.GhostResNet20(dtype=torch.float64)

    made = make(network)

    assert {each.dtype for each in made.parameters()} == {torch.float64}


def test_a_new_classifier_keeps_modes_frozen_parameters_and_rematerialisation() -> None:
    network = ghost_torch.GhostNet(0.25, num_classes=4, remat=True)
    network.requires_grad_(False).classifier.requires_grad_(True)
    network.blocks.eval()

    made = ghost_torch.reset_classifier(network, 3)

    frozen = {name for name, each in made.named_parameters() if not each.requires_grad}
    assert frozen == {name for name, each in network.named_parameters() if not each.requires_grad}
    assert [each.training for each in made.modules()] == [x.training for x in network.modules()]
    assert made.remat


def test_a_deployed_convolution_is_frozen_where_it_was() -> None:
    layer = ghost_torch.GhostConvV3(8, 16)
    layer.requires_grad_(False).cheap_rpr_conv.requires_grad_(True)
    plain = layer_of()
    plain.primary_conv.requires_grad_(False)

    def frozen(module: nn.Module) -> list[str]:
        return [name for name, each in module.named_parameters() if not each.requires_grad]

    assert frozen(ghost_torch.deploy(plain)) == ["primary_conv.0.weight", "primary_conv.0.bias"]
    assert frozen(ghost_torch.deploy(layer)) == []
    assert frozen(ghost_torch.deploy(layer.requires_grad_(False))) == [
        f"{half}_conv.0.{name}" for half in ("primary", "cheap") for name in ("weight", "bias")
    ]


def test_ultralytics_classes_are_those_that_they_are_made_of() -> None:
    block = yolo.GhostBottleneck(16, 32, 5, 2).eval()
    x = torch.zeros(1, 16, 8, 8)

    torch.testing.assert_close(ghost_torch.deploy(block)(x), block(x))


def test_anything_else_cannot_be_deployed() -> None:
    with pytest.raises(ArgumentError, match=r"`module` must be one of GhostConv, .*, got int: "):
        ghost_torch.deploy(3)
